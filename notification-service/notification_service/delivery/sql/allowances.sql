-- The limit of mails per address and hour, see ../allowances.py. ``sent`` holds the times of an address's mails,
-- the latest at its end.

-- name: take_allowances
-- Grants each address as many of the wanted mails as its limit leaves within the window, and says after how
-- long the next one is free. Every worker locks the rows in the order of their keys: none waits for another in
-- a circle.
INSERT INTO mail_allowance AS kept (key, sent, granted, used_at)
SELECT key, array_fill(now(), ARRAY[least(wanted, :limit::integer)]), least(wanted, :limit::integer), now()
FROM unnest(:keys::bytea[], :wanted::integer[]) AS request (key, wanted)
ORDER BY key
ON CONFLICT (key) DO UPDATE SET (sent, granted, used_at) = (
    SELECT recent || array_fill(now(), ARRAY[granted]), granted, now()
    FROM (
        SELECT recent,
            greatest(0, least(cardinality(excluded.sent), :limit::integer - cardinality(recent)))
                AS granted
        FROM (
            SELECT ARRAY(
                SELECT at FROM unnest(kept.sent) AS at WHERE at > now() - :window::interval
            ) AS recent
        ) AS lately
    ) AS free
)
RETURNING key, granted,
    coalesce(sent[1] + :window::interval - now(), interval '0') AS free_after

-- name: give_back_allowances
-- Takes the mails that were not sent off again. Rows are locked in the order of their keys, as above.
UPDATE mail_allowance AS kept
SET sent = kept.sent[1:cardinality(kept.sent) - unused]
FROM (
    SELECT key, unused FROM unnest(:keys::bytea[], :unused::integer[]) AS given (key, unused)
    JOIN mail_allowance USING (key) ORDER BY key FOR UPDATE OF mail_allowance
) AS back
WHERE kept.key = back.key

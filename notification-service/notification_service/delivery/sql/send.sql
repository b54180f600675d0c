-- name: may_send
-- Whether a claimed mail may be sent now: 'go', or why not, see may_send() in ../send.py. No row: the lease is
-- lost, or ends in less time than needed. What is later about one event or account has the higher version;
-- where two have the same one, or none, PostgreSQL's time of arrival decides. Clocks of senders do not come
-- into it. The rules of a kind are arrays, which PostgreSQL does not reckon with beforehand: it keeps one plan
-- for all kinds. With a boolean it would make a plan for each mail, which takes four times as long.
SELECT CASE
    WHEN EXISTS (
        SELECT FROM notification AS later
        WHERE later.booking_id = mail.booking_id AND later.user_id = mail.user_id AND (
            later.kind = ANY(:about_booking::text[])
            OR later.kind = ANY(:later_about_booking::text[])
                AND (later.version, later.created_at, later.id) > (mail.version, mail.created_at, mail.id)
        )
    ) OR EXISTS (
        SELECT FROM notification AS later
        WHERE later.user_id = mail.user_id AND later.event_id = mail.event_id AND (
            later.kind = ANY(:about_event::text[])
            OR later.kind = ANY(:later_about_event::text[])
                AND (later.version, later.created_at, later.id) > (mail.version, mail.created_at, mail.id)
        )
    ) OR EXISTS (
        SELECT FROM notification AS later
        WHERE later.user_id = mail.user_id AND later.event_id IS NULL
            AND later.kind = ANY(:later_about_address::text[])
            AND later.data->'address' IS NOT DISTINCT FROM mail.data->'address'
            AND (later.version, later.created_at, later.id) > (mail.version, mail.created_at, mail.id)
    ) THEN 'overtaken'
    WHEN EXISTS (
        SELECT FROM event_snapshot AS newer
        WHERE newer.event_id = mail.event_id AND newer.version > :version
    ) THEN 'outdated'
    WHEN mail.kind = ANY(:in_order::text[]) AND EXISTS (
        SELECT FROM notification AS earlier
        WHERE earlier.user_id = mail.user_id AND earlier.event_id = mail.event_id
            AND earlier.status = 'sending' AND earlier.lease_until > now()
            AND (earlier.version, earlier.created_at, earlier.id) < (mail.version, mail.created_at, mail.id)
    ) THEN 'not-yet'
    ELSE 'go'
END
FROM notification AS mail
WHERE mail.id = :id AND mail.status = 'sending' AND mail.fence = :fence
    AND mail.lease_until > now() + :needed::interval

-- name: is_waitlist_due
-- Whether enough seats for the smallest waiting group are free or in lapsed holds.
SELECT (
    SELECT count(*) FROM (
        SELECT FROM seat WHERE event_id = :event_id AND booking_id IS NULL
        LIMIT (
            SELECT min(quantity) FROM waitlist_entry
            WHERE event_id = :event_id AND booking_id IS NULL
        )
    ) AS free
) + (
    SELECT count(*) FROM seat WHERE event_id = :event_id AND held_until <= now()
) >= (
    SELECT min(quantity) FROM waitlist_entry
    WHERE event_id = :event_id AND booking_id IS NULL
)

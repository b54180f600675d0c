-- name: lock_waitlist
-- Locks the first waiting entry, which is the lock of the whole waitlist: transactions that free seats take
-- it before any seat. No row: nobody waits, or the event is not on sale. Answers when an offer of now ends.
SELECT least(now() + :offer_for::interval, event.sales_end, event.ends_at) AS offer_ends
FROM waitlist_entry JOIN event ON event.id = waitlist_entry.event_id
WHERE waitlist_entry.event_id = :event_id AND waitlist_entry.booking_id IS NULL AND {IS_ON_SALE}
ORDER BY waitlist_entry.place LIMIT 1
FOR UPDATE OF waitlist_entry

-- name: lock_free_seats
-- Locks free seats of the standard kind for the first groups. Seats that a booking has locked are skipped: this
-- transaction holds locks on seats already, and waiting for others could be a deadlock.
SELECT seat.id, seat.position, seat.row_name, seat.number, section.name AS section,
    coalesce(section.price, :price::int) AS price
FROM seat LEFT JOIN section ON section.id = seat.section_id
WHERE seat.event_id = :event_id AND seat.booking_id IS NULL AND seat.kind = 'standard'
ORDER BY seat.position
LIMIT (
    SELECT sum(quantity) FROM (
        SELECT quantity FROM waitlist_entry
        WHERE event_id = :event_id AND booking_id IS NULL ORDER BY place LIMIT :groups
    ) AS first_groups
)
FOR UPDATE OF seat SKIP LOCKED

-- name: list_next_groups
-- Entries after a number that are not larger than ``:seats``, in the order of joining. The last condition
-- reads one row of an index where all are larger, however many wait.
SELECT user_id, place AS number, quantity, guest_name FROM waitlist_entry
WHERE event_id = :event_id AND booking_id IS NULL AND place > :after AND quantity <= :seats
    AND EXISTS (
        SELECT FROM waitlist_entry
        WHERE event_id = :event_id AND booking_id IS NULL AND place > :after AND quantity <= :seats
    )
ORDER BY place LIMIT :groups

-- name: mark_offered
-- Gives the entries with these numbers, in ascending order, the bookings that they are offered. Entries before
-- them were larger than what was left, and are passed over by each offer behind them.
WITH offered AS (
    SELECT * FROM unnest(:numbers::bigint[], :booking_ids::uuid[]) AS new (number, booking_id)
), passed_over AS (
    UPDATE waitlist_entry
    SET times_passed = times_passed + cardinality(:numbers::bigint[])
        - width_bucket(place, :numbers::bigint[])
    WHERE event_id = :event_id AND booking_id IS NULL AND place < (SELECT max(number) FROM offered)
        AND place <> ALL(:numbers::bigint[])
)
UPDATE waitlist_entry SET booking_id = offered.booking_id
FROM offered WHERE event_id = :event_id AND place = offered.number

-- name: is_waitlist_due
-- Whether enough seats for the smallest waiting group are free or in lapsed holds.
SELECT (
    SELECT count(*) FROM (
        SELECT FROM seat WHERE event_id = :event_id AND booking_id IS NULL AND kind = 'standard'
        LIMIT (
            SELECT min(quantity) FROM waitlist_entry
            WHERE event_id = :event_id AND booking_id IS NULL
        )
    ) AS free
) + (
    SELECT count(*) FROM seat
    WHERE event_id = :event_id AND held_until <= now() AND kind = 'standard'
) >= (
    SELECT min(quantity) FROM waitlist_entry
    WHERE event_id = :event_id AND booking_id IS NULL
)

-- name: list_due_events
-- For the sweeper: events with lapsed holds, and events on sale with free seats for somebody who waits. One
-- index step an event (loose index scans), however many holds and entries it has.
WITH RECURSIVE waitlist (event_id, smallest) AS (
    (
        SELECT event_id, quantity FROM waitlist_entry WHERE booking_id IS NULL
        ORDER BY event_id, quantity LIMIT 1
    ) UNION ALL
    SELECT following.event_id, following.quantity
    FROM waitlist CROSS JOIN LATERAL (
        SELECT event_id, quantity FROM waitlist_entry
        WHERE booking_id IS NULL AND event_id > waitlist.event_id
        ORDER BY event_id, quantity LIMIT 1
    ) AS following
), first_hold (event_id, ends_at) AS (
    (
        SELECT event_id, expires_at FROM booking WHERE expires_at IS NOT NULL
        ORDER BY event_id, expires_at LIMIT 1
    ) UNION ALL
    SELECT following.event_id, following.expires_at
    FROM first_hold CROSS JOIN LATERAL (
        SELECT event_id, expires_at FROM booking
        WHERE expires_at IS NOT NULL AND event_id > first_hold.event_id
        ORDER BY event_id, expires_at LIMIT 1
    ) AS following
)
SELECT event_id FROM first_hold WHERE ends_at <= now()
UNION
SELECT event.id FROM waitlist JOIN event ON event.id = waitlist.event_id
WHERE {IS_ON_SALE}
    AND waitlist.smallest <= (
        SELECT count(*) FROM (
            SELECT FROM seat
            WHERE event_id = event.id AND booking_id IS NULL AND kind = 'standard'
            LIMIT waitlist.smallest
        ) AS free
    )
LIMIT :events

-- name: delete_entries_of_past_events
-- Removes a batch of entries that wait for events that are over; offers end as holds. The events are locked as
-- for joining and leaving, which change the allowance of the same entry; locked events are left for later.
WITH RECURSIVE waitlist (event_id) AS (
    (SELECT event_id FROM waitlist_entry WHERE booking_id IS NULL ORDER BY event_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT event_id FROM waitlist_entry
        WHERE booking_id IS NULL AND event_id > waitlist.event_id
        ORDER BY event_id LIMIT 1
    )
    FROM waitlist WHERE event_id IS NOT NULL
), past_event AS MATERIALIZED (
    SELECT event.id FROM waitlist JOIN event ON event.id = waitlist.event_id
    WHERE NOT {IS_ACTIVE} LIMIT :entries
    FOR NO KEY UPDATE OF event SKIP LOCKED
), deleted AS (
    DELETE FROM waitlist_entry WHERE ctid = ANY(ARRAY(
        SELECT waitlist_entry.ctid FROM waitlist_entry JOIN past_event ON past_event.id = event_id
        WHERE booking_id IS NULL
        LIMIT :entries FOR UPDATE OF waitlist_entry SKIP LOCKED
    ))
    RETURNING event_id, user_id, quantity
), lowered AS (
    UPDATE seat_allowance SET seats = seats - deleted.quantity FROM deleted
    WHERE seat_allowance.event_id = deleted.event_id AND seat_allowance.user_id = deleted.user_id
)
SELECT count(*) FROM deleted

-- name: delete_entry
-- Removes one person's waiting entry, not an offer, and answers its quantity, which may not be the one that
-- was read before. The event is locked.
DELETE FROM waitlist_entry
WHERE event_id = :event_id AND user_id = :user_id AND booking_id IS NULL
RETURNING quantity

-- name: add_to_allowance
-- Counts the seats of a new entry, which alone are not more than the limit, towards its person's limit. No row:
-- they would be too many.
INSERT INTO seat_allowance (event_id, user_id, seats, max_seats)
VALUES (:event_id, :user_id, :seats, :max_seats)
ON CONFLICT (event_id, user_id) DO UPDATE
SET seats = seat_allowance.seats + excluded.seats, max_seats = excluded.max_seats
WHERE seat_allowance.seats + excluded.seats <= excluded.max_seats

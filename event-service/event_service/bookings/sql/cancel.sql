-- name: list_checked_in_seats
-- The seats of a locked booking whose tickets were used.
SELECT seat_id FROM ticket
WHERE booking_id = :booking_id AND checked_in_at IS NOT NULL
ORDER BY position

-- name: find_tickets
-- Those tickets of a locked booking, cancelled ones too, that are for the named seats.
SELECT seat_id, position, section, row_name, number, code, checked_in_at, false AS is_cancelled
FROM ticket WHERE booking_id = :booking_id AND seat_id = ANY(:seat_ids::uuid[])
UNION ALL
SELECT seat_id, position, section, row_name, number, code, NULL, true
FROM cancelled_ticket WHERE booking_id = :booking_id AND seat_id = ANY(:seat_ids::uuid[])
ORDER BY position

-- name: cancel_tickets
-- Takes tickets out of a locked booking that keeps others: its quantity, its total, the quantity of the
-- waitlist entry whose offer it is, and the counts that are shown.
WITH cancelled AS (
    DELETE FROM ticket WHERE booking_id = :booking_id AND seat_id = ANY(:seat_ids::uuid[])
    RETURNING seat_id, position, section, row_name, number, price, code
), kept AS (
    INSERT INTO cancelled_ticket
        (booking_id, seat_id, position, section, row_name, number, price, code, cancelled_at)
    SELECT :booking_id::uuid, seat_id, position, section, row_name, number, price, code, now()
    FROM cancelled
), fewer AS (
    SELECT count(*)::int AS seats, sum(price) AS price FROM cancelled
), changed AS (
    UPDATE booking SET quantity = quantity - fewer.seats, total = total - fewer.price
    FROM fewer WHERE id = :booking_id
    RETURNING event_id, fewer.seats, expires_at IS NOT NULL AS is_hold
), changed_entry AS (
    UPDATE waitlist_entry SET quantity = quantity - fewer.seats
    FROM fewer WHERE booking_id = :booking_id
)
INSERT INTO seat_tally (id, event_id, held, booked, folded)
SELECT :tally_id::uuid, event_id, CASE WHEN is_hold THEN -seats ELSE 0 END,
    CASE WHEN is_hold THEN 0 ELSE -seats END, false
FROM changed

-- name: free_cancelled_seats
-- Frees the named seats of a booking, locked in the order of their ids.
WITH locked AS (
    SELECT id FROM seat WHERE booking_id = :booking_id AND id = ANY(:seat_ids::uuid[])
    ORDER BY id FOR UPDATE
)
UPDATE seat SET booking_id = NULL, held_until = NULL
FROM locked WHERE seat.id = locked.id

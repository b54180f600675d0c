-- name: keep_seats
-- Makes the seats of a hold the booking's for good, locked in the order of their ids. Fewer rows than the hold
-- has seats: it has lapsed.
WITH locked AS (SELECT id FROM seat WHERE booking_id = :booking_id ORDER BY id FOR UPDATE)
UPDATE seat SET held_until = NULL
FROM locked WHERE seat.id = locked.id AND seat.held_until > now()

-- name: confirm_hold
-- Confirms a locked hold, ends the waiting of whoever accepts an offer with it (the allowance stays with the
-- booking), and moves its seats from one count to the other.
WITH confirmed AS (
    UPDATE booking SET status = :status, expires_at = NULL, confirmed_at = now()
    WHERE id = :booking_id
    RETURNING event_id, quantity
), removed_entry AS (
    DELETE FROM waitlist_entry WHERE booking_id = :booking_id
)
INSERT INTO seat_tally (id, event_id, held, booked, folded)
SELECT :tally_id::uuid, event_id, -quantity, quantity, false FROM confirmed

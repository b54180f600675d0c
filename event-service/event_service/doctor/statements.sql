-- What must hold between the tables of this service, and how it is mended. A ``find_`` statement lists what breaks
-- it. A ``mend_`` statement locks what it changes and asks again on the locked rows; rows that others have
-- locked are left for the next round.

-- name: find_wrong_counts
-- Events whose sums of held and booked seats are not those of their bookings.
SELECT event_id::text AS name FROM ({WRONG_COUNTS}) AS wrong ORDER BY event_id LIMIT :limit

-- name: mend_counts
-- A booking and its count are one commit, so the difference stays the same while people book.
INSERT INTO seat_tally (id, event_id, held, booked, folded)
SELECT {NEW_ID}, event_id, held, booked, false FROM ({WRONG_COUNTS}) AS wrong LIMIT :limit

-- name: find_seats_of_ended_bookings
-- Seats that nobody can book, because a cancelled or expired booking keeps them.
SELECT seat.id::text AS name FROM seat JOIN booking ON booking.id = seat.booking_id
WHERE booking.status NOT IN ('held', 'confirmed') ORDER BY seat.id LIMIT :limit

-- name: mend_seats_of_ended_bookings
-- A booking that has ended stays ended.
WITH locked AS (
    SELECT seat.id FROM seat JOIN booking ON booking.id = seat.booking_id
    WHERE booking.status NOT IN ('held', 'confirmed')
    ORDER BY seat.id LIMIT :limit FOR UPDATE OF seat SKIP LOCKED
)
UPDATE seat SET booking_id = NULL, held_until = NULL FROM locked WHERE seat.id = locked.id

-- name: find_seats_with_another_end
-- Seats that become free at another time than their booking ends. One of a confirmed booking never does: it would
-- be sold again.
SELECT seat.id::text AS name FROM seat JOIN booking ON booking.id = seat.booking_id
WHERE booking.status IN ('held', 'confirmed') AND seat.held_until IS DISTINCT FROM booking.expires_at
ORDER BY seat.id LIMIT :limit

-- name: mend_seats_with_another_end
-- Bookings are locked before seats, as everywhere.
WITH locked AS (
    SELECT id, expires_at FROM booking
    WHERE status IN ('held', 'confirmed') AND EXISTS (
        SELECT FROM seat WHERE seat.booking_id = booking.id
            AND seat.held_until IS DISTINCT FROM booking.expires_at
    )
    ORDER BY id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE seat SET held_until = locked.expires_at
FROM locked
WHERE seat.booking_id = locked.id AND seat.held_until IS DISTINCT FROM locked.expires_at

-- name: find_bookings_without_seats
-- Bookings that let somebody in, or may still be confirmed, and do not have each of their tickets' seats.
SELECT id::text AS name FROM booking
WHERE (status = 'confirmed' OR status = 'held' AND expires_at > now())
    AND (
        quantity <> (SELECT count(*) FROM ticket WHERE booking_id = booking.id)
        OR quantity <> (
            SELECT count(*) FROM seat JOIN ticket ON ticket.seat_id = seat.id
            WHERE seat.booking_id = booking.id AND ticket.booking_id = booking.id
                AND seat.event_id = booking.event_id
        )
    )
ORDER BY id LIMIT :limit

-- name: find_bookings_without_message
-- Confirmed bookings whose guests were not told, as far back as messages are kept.
SELECT booking.id::text AS name
FROM booking LEFT JOIN (
    SELECT message->>'dedup_key' AS key FROM outbox WHERE message->>'kind' = 'booking-confirmed'
) AS written ON written.key = concat('booking-confirmed:', booking.id)
WHERE booking.status = 'confirmed' AND written.key IS NULL
    AND coalesce(booking.confirmed_at, booking.created_at) > now() - :kept_for::interval
ORDER BY booking.id LIMIT :limit

-- name: find_unswept_holds
-- Holds that ended long ago and were not expired.
SELECT id::text AS name FROM booking WHERE expires_at < now() - :older_than::interval
ORDER BY expires_at LIMIT :limit

-- name: find_wrong_allowances
-- People whose seats of an event are not as many as their bookings and waitlist entries say.
SELECT concat(user_id, ' of event ', event_id) AS name FROM ({WRONG_ALLOWANCES}) AS wrong
ORDER BY event_id, user_id LIMIT :limit

-- name: mend_allowances
-- By the difference, which stays the same while people book.
UPDATE seat_allowance AS allowance
SET seats = seats + difference, max_seats = greatest(max_seats, seats + difference)
FROM (
    SELECT * FROM ({WRONG_ALLOWANCES}) AS found ORDER BY event_id, user_id LIMIT :limit
) AS wrong
WHERE allowance.event_id = wrong.event_id AND allowance.user_id = wrong.user_id

-- name: add_allowances
-- Those that are missing; one that is added meanwhile is mended in the next round.
INSERT INTO seat_allowance (event_id, user_id, seats, max_seats)
SELECT event.id, user_id, difference, greatest(difference, max_seats_per_user)
FROM ({WRONG_ALLOWANCES}) AS wrong JOIN event ON event.id = wrong.event_id
WHERE NOT EXISTS (
    SELECT FROM seat_allowance AS allowance
    WHERE allowance.event_id = event.id AND allowance.user_id = wrong.user_id
)
ORDER BY event.id, user_id LIMIT :limit
ON CONFLICT (event_id, user_id) DO NOTHING

-- name: find_ended_offers
-- Waitlist entries whose offer has ended: they neither wait nor are offered anything.
SELECT concat(waitlist_entry.user_id, ' of event ', waitlist_entry.event_id) AS name
FROM waitlist_entry JOIN booking ON booking.id = waitlist_entry.booking_id
WHERE booking.status <> 'held' ORDER BY booking.id LIMIT :limit

-- name: mend_ended_offers
-- As when an offer ends.
DELETE FROM waitlist_entry WHERE ctid = ANY(ARRAY(
    SELECT waitlist_entry.ctid
    FROM waitlist_entry JOIN booking ON booking.id = waitlist_entry.booking_id
    WHERE booking.status <> 'held' LIMIT :limit FOR UPDATE OF waitlist_entry SKIP LOCKED
))

-- name: find_waitlists_of_past_events
-- Events that are long over, for which somebody waits.
SELECT id::text AS name FROM event
WHERE ends_at < now() - :older_than::interval
    AND EXISTS (SELECT FROM waitlist_entry WHERE event_id = event.id AND booking_id IS NULL)
ORDER BY id LIMIT :limit

-- name: find_erased_accounts
-- Erased accounts of which something is left that an erasure removes.
SELECT user_id::text AS name FROM erased_user
WHERE erased_at < now() - :older_than::interval AND (
    EXISTS (SELECT FROM waitlist_entry WHERE user_id = erased_user.user_id)
    OR EXISTS (SELECT FROM booking WHERE user_id = erased_user.user_id AND expires_at IS NOT NULL)
    OR EXISTS (
        SELECT FROM booking WHERE user_id = erased_user.user_id AND guest_name IS NOT NULL
    )
    OR EXISTS (SELECT FROM idempotency_key WHERE user_id = erased_user.user_id)
    OR EXISTS (
        SELECT FROM event WHERE organizer_id = erased_user.user_id
            AND (status = 'draft' OR {IS_ACTIVE})
    )
)
ORDER BY user_id LIMIT :limit

-- name: find_unwritten_organizer_messages
-- Messages of organizers that not every guest has in the outbox.
SELECT id::text AS name FROM organizer_message WHERE created_at < now() - :older_than::interval
ORDER BY created_at LIMIT :limit

-- name: find_old_idempotency_keys
SELECT concat(key, ' of ', user_id) AS name FROM idempotency_key
WHERE created_at < now() - :older_than::interval LIMIT :limit

-- name: find_unfolded_counts
-- Events whose counts were not summed up; the rows' ids are times (UUIDv7).
SELECT DISTINCT event_id::text AS name FROM seat_tally
WHERE NOT folded AND id < {ID_OF_OLDEST} LIMIT :limit

-- name: find_old_stale_tags
-- Changed pages of which the cache was not told.
SELECT tag AS name FROM stale_tag
WHERE id < {ID_OF_OLDEST} ORDER BY id LIMIT :limit

-- name: find_old_erasures
-- Ids of erased accounts that should have been forgotten.
SELECT user_id::text AS name FROM erased_user WHERE erased_at < now() - :older_than::interval LIMIT :limit

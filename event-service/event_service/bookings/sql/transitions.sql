-- name: lock_booking
-- Locks a person's booking, after its event. Check-in shares a lock on it.
SELECT id, user_id, status, quantity, {STATUS_NOW} AS status_now
FROM booking WHERE id = :booking_id AND user_id = :user_id
FOR UPDATE

-- name: end_bookings
-- Gives locked holds and confirmed bookings their last status; an offer takes its waitlist entry with it.
-- Answers how many seats each person has no more. Only holds have ``expires_at``.
WITH ending AS MATERIALIZED (
    SELECT id, user_id, quantity, expires_at FROM booking WHERE id = ANY(:booking_ids::uuid[])
), ended AS (
    UPDATE booking SET status = :status, ended_at = :now, expires_at = NULL
    FROM ending WHERE booking.id = ending.id
), removed_entries AS (
    DELETE FROM waitlist_entry WHERE booking_id = ANY(:booking_ids::uuid[])
), counted AS (
    INSERT INTO seat_tally (id, event_id, held, booked, folded)
    SELECT :tally_id::uuid, :event_id::uuid,
        -coalesce(sum(quantity) FILTER (WHERE expires_at IS NOT NULL), 0),
        -coalesce(sum(quantity) FILTER (WHERE expires_at IS NULL), 0), false
    FROM ending
)
SELECT user_id, sum(quantity)::int AS seats FROM ending GROUP BY user_id

-- name: lower_allowances
-- Takes seats off the allowances of several people, locked in the order of their ids.
WITH lowered AS (
    SELECT * FROM unnest(:user_ids::uuid[], :quantities::int[]) AS new (user_id, quantity)
), locked AS (
    SELECT user_id FROM seat_allowance
    WHERE event_id = :event_id AND user_id = ANY(:user_ids::uuid[])
    ORDER BY user_id FOR UPDATE
)
UPDATE seat_allowance SET seats = seat_allowance.seats - lowered.quantity
FROM lowered JOIN locked USING (user_id)
WHERE seat_allowance.event_id = :event_id AND seat_allowance.user_id = lowered.user_id

-- name: free_seats
-- Frees the seats that still point to these bookings, locked in the order of their ids: those of a lapsed
-- hold that somebody else has booked meanwhile stay booked.
WITH locked AS (
    SELECT id FROM seat WHERE booking_id = ANY(:booking_ids::uuid[]) ORDER BY id FOR UPDATE
)
UPDATE seat SET booking_id = NULL, held_until = NULL
FROM locked WHERE seat.id = locked.id

-- name: add_booking_messages
-- Writes a message to the guest of each booking, with its first tickets: what ``booking_message`` writes for
-- one. ``:message`` is what they have in common; ``:key_suffix`` tells several messages of a kind apart.
WITH addressed AS MATERIALIZED (
    SELECT {NEW_ID} AS message_id, booking.* FROM booking WHERE id = ANY(:booking_ids::uuid[])
)
INSERT INTO outbox (id, task, topic, message, created_at, next_attempt_at, attempts)
SELECT message_id, :task::text, :message::jsonb->>'topic',
    :message::jsonb || jsonb_build_object(
        'id', message_id,
        'user_id', user_id,
        'dedup_key', concat(:message::jsonb->>'kind', ':', id, :key_suffix::text),
        'data', (:message::jsonb->'data') || jsonb_build_object(
            'booking_id', id,
            'event_id', event_id,
            'status', status,
            'quantity', quantity,
            'total', total,
            'currency', currency,
            'expires_at', expires_at,
            'seats', (
                SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'id', seat_id, 'section', section, 'row', row_name, 'number', number,
                    'ticket_code', code
                ) ORDER BY position), '[]')
                FROM (
                    SELECT * FROM ticket WHERE booking_id = addressed.id
                    ORDER BY position LIMIT :seats
                ) AS first_tickets
            )
        )
    ),
    now(), now(), 0
FROM addressed

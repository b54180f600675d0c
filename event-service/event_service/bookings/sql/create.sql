-- Booking: one transaction for all requests of a batch. Row locks and constraints decide every race; see Design
-- notes in ../../../README.md.

-- name: open_batch
-- Locks the event against changes by its organizer, so that a cancelled event gets no booking. Inserts the
-- idempotency keys and counts the seats towards each person's allowance. ``keyed`` and ``allowed`` are those for
-- whom that was done: rows are locked in the order of persons, first all keys and then all allowances. ``busy``
-- are those whose key another transaction uses, of this event or another: the others of the batch do not wait
-- for it.
WITH target AS (
    SELECT id, organizer_id, status, price, currency, capacity, title, description, venue, city, timezone,
        starts_at, ends_at, cancellation_deadline, max_seats_per_user, version, seating,
        organizer_name, payment_note, doors_at, terms_version, terms_checked_version,
        EXISTS (
            SELECT FROM waitlist_entry WHERE event_id = :event_id AND booking_id IS NULL
        ) AS has_waitlist,
        {IS_ON_SALE} AS is_on_sale
    FROM event WHERE id = :event_id
    FOR KEY SHARE
), request AS MATERIALIZED (
    SELECT new.*, CASE WHEN key IS NOT NULL
        THEN NOT pg_try_advisory_xact_lock(hashtextextended(concat(user_id, ' ', key), 0))
        ELSE false END AS is_busy
    FROM unnest(
        :user_ids::uuid[], :keys::text[], :fingerprints::text[], :booking_ids::uuid[], :quantities::int[]
    ) AS new (user_id, key, fingerprint, booking_id, quantity)
), keyed AS (
    INSERT INTO idempotency_key (user_id, key, fingerprint, booking_id, created_at)
    SELECT user_id, key, fingerprint, booking_id, now()
    FROM request CROSS JOIN target WHERE is_on_sale AND key IS NOT NULL AND NOT is_busy
    ORDER BY user_id
    ON CONFLICT (user_id, key) DO NOTHING
    RETURNING user_id
), allowed AS (
    INSERT INTO seat_allowance AS allowance (event_id, user_id, seats, max_seats)
    SELECT target.id, user_id, quantity, max_seats_per_user
    FROM request CROSS JOIN target
    WHERE is_on_sale AND quantity <= max_seats_per_user
        AND (key IS NULL OR user_id = ANY(ARRAY(SELECT user_id FROM keyed)))
    ORDER BY user_id
    ON CONFLICT (event_id, user_id) DO UPDATE
    SET seats = allowance.seats + excluded.seats, max_seats = excluded.max_seats
    WHERE allowance.seats + excluded.seats <= excluded.max_seats
    RETURNING user_id
)
SELECT target.*, now() AS now,
    ARRAY(SELECT user_id FROM request WHERE is_busy) AS busy,
    ARRAY(SELECT user_id FROM keyed) AS keyed,
    ARRAY(SELECT user_id FROM allowed) AS allowed,
    ARRAY(SELECT user_id FROM erased_user WHERE user_id = ANY(:user_ids::uuid[])) AS erased
FROM target

-- name: lock_chosen_seats
-- Those of the chosen seats that are free, locked in the order of their ids: two requests for the same seats
-- cannot deadlock.
SELECT seat.id, seat.position, seat.booking_id IS NOT NULL AS is_lapsed, seat.row_name, seat.number,
    section.name AS section, coalesce(section.price, :price) AS price
FROM seat LEFT JOIN section ON section.id = seat.section_id
WHERE seat.event_id = :event_id AND seat.id = ANY((SELECT :seat_ids::uuid[])::uuid[]) AND {IS_FREE}
ORDER BY seat.id FOR UPDATE OF seat

-- name: lock_any_seats
-- The first free seats, then those of lapsed holds, without a wait for seats that others have locked.
WITH free AS (
    SELECT id, position, booking_id, section_id, row_name, number FROM seat
    WHERE event_id = :event_id AND booking_id IS NULL
    ORDER BY position LIMIT :seats::int FOR UPDATE SKIP LOCKED
), lapsed AS (
    SELECT id, position, booking_id, section_id, row_name, number FROM seat
    WHERE event_id = :event_id AND held_until <= now()
    ORDER BY position LIMIT :seats::int - (SELECT count(*) FROM free) FOR UPDATE SKIP LOCKED
)
SELECT seat.id, seat.position, seat.booking_id IS NOT NULL AS is_lapsed, seat.row_name, seat.number,
    section.name AS section, coalesce(section.price, :price) AS price
FROM (SELECT * FROM free UNION ALL SELECT * FROM lapsed) AS seat
    LEFT JOIN section ON section.id = seat.section_id

-- name: lock_seats_waiting
-- Free seats, with a wait for those that others have locked, before anybody is told that there are none. All
-- that may be free are locked in the order of lock_chosen_seats, up to a number if one is given: first free and
-- then lapsed ones could be a deadlock.
WITH possible AS MATERIALIZED (
    SELECT id FROM seat WHERE event_id = :event_id AND booking_id IS NULL
    UNION ALL
    SELECT id FROM seat WHERE event_id = :event_id AND held_until <= now()
)
SELECT seat.id, seat.position, seat.booking_id IS NOT NULL AS is_lapsed, seat.row_name, seat.number,
    section.name AS section, coalesce(section.price, :price) AS price
FROM seat LEFT JOIN section ON section.id = seat.section_id
WHERE seat.id IN (SELECT id FROM possible) AND {IS_FREE}
ORDER BY seat.id LIMIT :seats::int FOR UPDATE OF seat

-- name: list_named_sections
-- Those of the named sections that the event has.
SELECT name FROM section WHERE event_id = :event_id AND name = ANY(:names::text[])

-- name: count_free_seats
-- Standard seats, which those get who ask for a number. Counted from the seats themselves, in a snapshot that
-- begins now. The time is that of the statement, not of the transaction, which may have waited: a hold that lapsed
-- meanwhile is free. As a subquery the time is read once, after the snapshot is taken.
SELECT (
    SELECT count(*) FROM seat WHERE event_id = :event_id AND booking_id IS NULL AND kind = 'standard'
) + (
    SELECT count(*) FROM seat
    WHERE event_id = :event_id AND held_until <= (SELECT clock_timestamp()) AND kind = 'standard'
)

-- name: forget_keys
-- Takes back the keys of requests that are refused while others of the batch are booked.
DELETE FROM idempotency_key USING unnest(:user_ids::uuid[], :keys::text[]) AS refused (user_id, key)
WHERE idempotency_key.user_id = refused.user_id AND idempotency_key.key = refused.key

-- name: insert_bookings
-- Bookings of one event with their seats, tickets, counts and messages; answers how many seats were free. Arrays
-- stand in a SELECT of their own, so that PostgreSQL does not plan the statement anew for each length.
WITH new_booking AS (
    SELECT * FROM unnest(
        (SELECT :ids::uuid[]), (SELECT :user_ids::uuid[]), (SELECT :statuses::text[]),
        (SELECT :quantities::int[]), (SELECT :totals::bigint[]), (SELECT :ends::timestamptz[]),
        (SELECT :guest_names::text[])
    ) AS new (id, user_id, status, quantity, total, expires_at, guest_name)
), new_ticket AS (
    SELECT * FROM unnest(
        (SELECT :booking_ids::uuid[]), (SELECT :seat_ids::uuid[]), (SELECT :positions::int[]),
        (SELECT :sections::text[]), (SELECT :rows::text[]), (SELECT :numbers::int[]),
        (SELECT :prices::int[]), (SELECT :codes::text[])
    ) AS new (booking_id, seat_id, position, section, row_name, number, price, code)
), taken AS (
    UPDATE seat SET booking_id = new_booking.id, held_until = new_booking.expires_at
    FROM new_ticket JOIN new_booking ON new_booking.id = new_ticket.booking_id
    WHERE seat.id = new_ticket.seat_id AND {IS_FREE}
    RETURNING seat.id
), booked AS (
    INSERT INTO booking
        (id, event_id, user_id, status, quantity, total, currency, created_at, expires_at, guest_name)
    SELECT id, :event_id, user_id, status, quantity, total, :currency, now(), expires_at, guest_name
    FROM new_booking
), tickets AS (
    INSERT INTO ticket (booking_id, seat_id, position, section, row_name, number, price, code)
    SELECT * FROM new_ticket
), counted AS (
    INSERT INTO seat_tally (id, event_id, held, booked, folded)
    VALUES (:tally_id, :event_id, :held, :booked, false)
), messages AS (
    INSERT INTO outbox (id, task, topic, message, created_at, next_attempt_at, attempts)
    SELECT new.*, now(), now(), 0
    FROM unnest(
        (SELECT :message_ids::uuid[]), (SELECT :tasks::text[]), (SELECT :topics::text[]),
        (SELECT :messages::jsonb[])
    ) AS new
)
SELECT count(*) FROM taken

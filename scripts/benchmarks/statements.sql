-- What the bench writes into the services' databases and reads there, beside its requests.

-- name: seats_sold
SELECT count(*) FROM seat JOIN booking ON booking.id = booking_id
WHERE seat.event_id = :event_id AND status = 'confirmed'

-- name: seats_at_random
SELECT id::text FROM seat WHERE event_id = :event_id ORDER BY random()

-- name: clear_outbox
TRUNCATE outbox

-- name: without_search
-- Nothing is searched for in the events that fill the table, and their words would take longer than all else.
ALTER TABLE event DISABLE TRIGGER event_search

-- name: fill_with_events
-- Adds published events until there are so many.
INSERT INTO event (
    id, organizer_id, title, description, category, venue, city, timezone, starts_at, ends_at, status,
    seating, capacity, price, currency, max_seats_per_user, version, created_at, updated_at
)
SELECT gen_random_uuid(), gen_random_uuid(), 'Evening ' || n, '', 'Music', 'Hall', 'City ' || n % 500,
    'UTC', start, start + interval '2 hours', 'published', 'general', 100, 2500, 'EUR', 10, 1, now(), now()
FROM (
    SELECT n, now() + interval '1 day' + n * interval '10 seconds' AS start
    FROM generate_series(1, :number::bigint - (SELECT count(*) FROM event)) AS n
) AS evenings

-- name: with_search
ALTER TABLE event ENABLE TRIGGER event_search

-- name: vacuum
-- The table as autovacuum leaves it.
VACUUM ANALYZE

-- name: add_guests
INSERT INTO account (id, email, hashed_password, is_active, is_superuser, is_verified, full_name, locale,
    created_at, updated_at)
SELECT id, 'guest-' || id || '@guests.example', '!', true, false, true, 'Ada Lovelace', 'en', now(), now()
FROM unnest(:ids::uuid[]) AS id

-- name: add_messages
INSERT INTO outbox (id, task, topic, message, created_at, next_attempt_at, attempts)
SELECT id, 'notifications.send', 'booking.confirmed.v1', message, now(), now(), 0
FROM unnest(:ids::uuid[], :messages::jsonb[]) AS one (id, message)

-- name: messages_committed
-- When the messages of bookings were committed, in seconds since 1970.
SELECT id, extract(epoch FROM created_at)::float8 AS at FROM outbox
WHERE message->'data'->>'booking_id' = ANY(:booking_ids)

-- name: mails_sent
-- When mails were accepted by the mail server, in seconds since 1970.
SELECT id, extract(epoch FROM sent_at)::float8 AS at FROM notification
WHERE id = ANY(:ids::uuid[]) AND status = 'sent'

-- name: copy_password
-- One hash for all, which is made once.
UPDATE account SET hashed_password = (SELECT hashed_password FROM account WHERE email = :email)
WHERE id = ANY(:ids::uuid[])

-- name: messages_waiting
SELECT count(*) AS waiting FROM outbox WHERE published_at IS NULL

-- name: mails_waiting
-- Not those that wait on purpose, for a confirmed address.
SELECT count(*) AS waiting FROM notification WHERE status IN ('queued', 'sending') AND waits_for IS NULL

-- name: table_sizes
SELECT relname AS name, pg_total_relation_size(relid) AS bytes FROM pg_stat_user_tables

-- name: log_position
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS bytes

-- name: bookings_made
SELECT count(*) FROM booking

-- name: mails_so_far
SELECT count(*) FROM notification WHERE status = 'sent'

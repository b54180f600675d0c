-- What the databases of all services have in common.

-- name: find_invalid_indexes
-- Indexes that PostgreSQL does not use, because their building was interrupted. One that is being built is left
-- out: its backend is at work.
SELECT pg_class.relname::text AS name
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE (NOT indisvalid OR NOT indisready) AND relnamespace NOT IN (
        SELECT oid FROM pg_namespace WHERE nspname IN ('pg_catalog', 'pg_toast', 'information_schema')
    )
    AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index AS building WHERE building.relid = indrelid)
ORDER BY relname LIMIT :limit

-- name: find_unconfirmed_messages
-- Messages that notification-service should have confirmed long ago.
SELECT concat(id, CASE WHEN published_at IS NULL THEN ' not on the queue' ELSE ' on the queue' END) AS name
FROM outbox
WHERE confirmed_at IS NULL AND created_at < now() - :older_than::interval
    AND next_attempt_at < now() + interval '1 day'
ORDER BY created_at LIMIT :limit

-- name: find_messages_never_due
-- Messages whose next attempt lies beyond any pause: a clock was wrong when they were written.
SELECT id::text AS name FROM outbox
WHERE published_at IS NULL AND next_attempt_at >= now() + interval '1 day'
ORDER BY created_at LIMIT :limit

-- name: make_messages_due
UPDATE outbox SET next_attempt_at = now()
WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM outbox WHERE published_at IS NULL AND next_attempt_at >= now() + interval '1 day'
    LIMIT :limit FOR UPDATE SKIP LOCKED
))

-- name: find_unpurged_messages
-- Confirmed messages that should have been deleted.
SELECT id::text AS name FROM outbox WHERE confirmed_at < now() - :older_than::interval LIMIT :limit

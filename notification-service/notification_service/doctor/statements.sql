-- What must hold in the tables of this service, and how it is mended.

-- name: find_unreported_mails
-- Mails whose worker has not reported back, and that nobody has put on the queue again.
SELECT id::text AS name FROM notification
WHERE status = 'sending' AND lease_until < now() - :older_than::interval
ORDER BY lease_until LIMIT :limit

-- name: find_overdue_mails
-- Due mails that nobody sends.
SELECT id::text AS name FROM notification
WHERE status = 'queued' AND waits_for IS DISTINCT FROM 'address'
    AND {DUE_AT} < now() - :older_than::interval
ORDER BY wanted_at LIMIT :limit

-- name: find_mails_never_due
-- Mails whose next attempt, or whose worker's claim, lies beyond any pause: a clock was wrong.
SELECT id::text AS name FROM notification
WHERE status IN ('queued', 'sending') AND {DUE_AT} > now() + interval '2 days'
ORDER BY id LIMIT :limit

-- name: make_mails_due
UPDATE notification
SET next_attempt_at = least(next_attempt_at, now()), lease_until = least(lease_until, now())
WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM notification
    WHERE status IN ('queued', 'sending') AND {DUE_AT} > now() + interval '2 days'
    LIMIT :limit FOR UPDATE SKIP LOCKED
))

-- name: find_erased_users
-- Erased accounts to which a mail would still be sent, or whose data is still there.
SELECT user_id::text AS name FROM erased_user
WHERE erased_at < now() - :older_than::interval AND (
    EXISTS (
        SELECT FROM notification WHERE user_id = erased_user.user_id
            AND (status IN ('queued', 'sending') OR data <> '{}')
    )
    OR EXISTS (SELECT FROM preference WHERE user_id = erased_user.user_id)
)
ORDER BY user_id LIMIT :limit

-- name: find_old_seen_messages
SELECT id::text AS name FROM seen_message WHERE seen_at < now() - :older_than::interval LIMIT :limit

-- name: delete_old_seen_messages
DELETE FROM seen_message WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM seen_message WHERE seen_at < now() - {KEEP_SEEN} LIMIT :limit
    FOR UPDATE SKIP LOCKED
))

-- name: find_old_allowances
SELECT encode(key, 'hex') AS name FROM mail_allowance
WHERE used_at < now() - :older_than::interval LIMIT :limit

-- name: delete_old_allowances
DELETE FROM mail_allowance WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM mail_allowance WHERE used_at < now() - interval '1 day' LIMIT :limit
    FOR UPDATE SKIP LOCKED
))

-- name: find_old_erasures
-- Ids of erased accounts that should have been forgotten.
SELECT user_id::text AS name FROM erased_user WHERE erased_at < now() - :older_than::interval LIMIT :limit

-- What must hold in the tables of this service, and how it is mended.

-- name: find_ended_sessions
-- Sessions that ended so long ago that they should have been deleted.
SELECT id::text AS name FROM user_session
WHERE least(expires_at, idle_at, revoked_at) < now() - :older_than::interval
ORDER BY id LIMIT :limit

-- name: find_old_attempts
SELECT encode(key, 'hex') AS name FROM attempt_count
WHERE ends_at < now() - :older_than::interval LIMIT :limit

-- name: find_old_audit_events
SELECT id::text AS name FROM audit_event WHERE occurred_at < now() - :older_than::interval
ORDER BY occurred_at LIMIT :limit

-- name: find_unconfirmed_erasures
-- Services that have not confirmed that an account is erased.
SELECT concat(service, ' of ', user_id) AS name FROM erasure
WHERE erased_at < now() - :older_than::interval ORDER BY erased_at LIMIT :limit

-- name: find_unprocessed_mail_requests
SELECT kind AS name FROM mail_request WHERE requested_at < now() - :older_than::interval
ORDER BY requested_at LIMIT :limit

-- name: find_traces_of_erased_accounts
-- Audit events outlive their account without where somebody was and with what program.
SELECT id::text AS name FROM audit_event
WHERE user_id IS NOT NULL AND (address <> '' OR user_agent <> '') AND actor IS NULL
    AND NOT EXISTS (SELECT FROM account WHERE account.id = audit_event.user_id)
ORDER BY id LIMIT :limit

-- name: remove_traces_of_erased_accounts
UPDATE audit_event SET address = '', user_agent = '' WHERE id = ANY(ARRAY(
    SELECT id FROM audit_event
    WHERE user_id IS NOT NULL AND (address <> '' OR user_agent <> '') AND actor IS NULL
        AND NOT EXISTS (SELECT FROM account WHERE account.id = audit_event.user_id)
    LIMIT :limit FOR UPDATE SKIP LOCKED
))

-- name: find_accounts_without_ascii_address
SELECT id::text AS name FROM account
WHERE email_ascii IS NULL AND updated_at < now() - :older_than::interval ORDER BY id LIMIT :limit

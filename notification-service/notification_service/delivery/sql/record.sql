-- name: finish_attempt
-- Ends a claim with the outcome of the attempt. No row is changed if the lease was lost.
UPDATE notification
SET status = :status::text,
    lease_until = NULL,
    last_error = :error::text,
    sent_at = CASE WHEN :status::text = 'sent' THEN now() END,
    told_at = CASE WHEN :may_be_sent::boolean THEN now() ELSE told_at END,
    told = CASE WHEN :may_be_sent::boolean AND {IS_CHANGE} THEN data->'event' ELSE told END,
    next_attempt_at = now() + :delay::interval,
    give_up_at = :give_up_at::timestamptz,
    waits_for = :waits_for::text,
    data = CASE WHEN :forget::boolean THEN '{}' ELSE data END,
    timeline = timeline || :step::jsonb
WHERE id = :id AND fence = :fence AND status = 'sending'

-- name: return_untried
-- Ends a claim as if the mail had not been claimed: a pause after a real failure depends on the attempts. The
-- last step of a claimed mail is 'sending'.
UPDATE notification
SET status = 'queued', lease_until = NULL, attempts = attempts - 1, next_attempt_at = now(), waits_for = NULL,
    timeline = timeline - (-1)
WHERE id = :id AND fence = :fence AND status = 'sending'

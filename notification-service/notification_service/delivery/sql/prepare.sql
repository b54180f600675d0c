-- name: find_pause
-- How long a mail waits for the one that it follows, which was just sent or is still to be sent; NULL if it
-- need not wait.
SELECT max(
    CASE WHEN status = 'sent' THEN sent_at + :follow_after::interval - now()
        ELSE :look_again_after::interval END
)
FROM notification
WHERE booking_id = :booking_id AND user_id = :user_id AND kind = :kind
    AND ({UNSENT} OR sent_at > now() - :follow_after::interval)

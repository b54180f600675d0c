-- name: lock_lapsed_holds
-- The first lapsed holds of an event by their end, locked; holds that others have locked are waited for.
SELECT id FROM booking WHERE event_id = :event_id AND {HAS_LAPSED}
ORDER BY expires_at, id LIMIT :holds FOR UPDATE

-- name: lock_unlocked_lapsed_holds
-- The same for the sweeper, which leaves to others what they have locked.
SELECT id FROM booking WHERE event_id = :event_id AND {HAS_LAPSED}
ORDER BY expires_at, id LIMIT :holds FOR UPDATE SKIP LOCKED

-- name: lock_lapsed_holds_of_user
-- One person's lapsed holds of an event, locked.
SELECT id FROM booking WHERE event_id = :event_id AND user_id = :user_id AND {HAS_LAPSED}
ORDER BY expires_at, id LIMIT :holds FOR UPDATE

-- name: lock_holds_of_user
-- One person's holds of an event, lapsed or not, locked: only holds have ``expires_at``.
SELECT id FROM booking
WHERE event_id = :event_id AND user_id = :user_id AND expires_at IS NOT NULL
ORDER BY expires_at, id LIMIT :holds FOR UPDATE

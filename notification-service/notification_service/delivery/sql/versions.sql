-- The newest known version of an event, and what a guest was last told of it, see ../versions.py.

-- name: find_newer_events
-- Only snapshots newer than the mails' own: usually none. A snapshot from the release before has no version; it
-- replaced the snapshot of the version that it ranks as.
SELECT kept.event_id, kept.version, kept.snapshot::text AS snapshot
FROM unnest(:event_ids::uuid[], :versions::integer[]) AS mail (event_id, version)
JOIN event_snapshot AS kept ON kept.event_id = mail.event_id AND (
    kept.version > mail.version
    OR kept.version = mail.version AND NOT kept.snapshot ? 'version'
)

-- name: list_earlier_changes
-- The mails about earlier changes of the same event, the latest first, with what they told and when. Beyond a
-- hundred changes that nobody was told of, older ones are ignored.
SELECT coalesce(earlier.told_at, earlier.sent_at) AS told_at, earlier.created_at,
    earlier.data::text AS data, coalesce(earlier.told, earlier.data->'event')::text AS told
FROM notification AS mail
JOIN notification AS earlier USING (user_id, event_id, kind)
WHERE mail.id = :id
    AND (earlier.version, earlier.created_at, earlier.id) < (mail.version, mail.created_at, mail.id)
ORDER BY earlier.version DESC, earlier.created_at DESC, earlier.id DESC
LIMIT 100

-- name: was_told_since
-- Whether the guest had any other mail about the event since then; without a time, since the mail was requested.
SELECT EXISTS (
    SELECT FROM notification AS mail JOIN notification AS other USING (user_id, event_id)
    WHERE mail.id = :id AND other.id <> mail.id
        AND coalesce(other.told_at, other.sent_at) > coalesce(:since::timestamptz, mail.created_at)
)

-- name: keep_change
-- Stores what a claimed mail tells.
UPDATE notification SET data = data || :told::jsonb
WHERE id = :id AND fence = :fence AND status = 'sending'

-- name: read_seat_states
-- A letter for each seat of the map, in its order: free, held, booked or x for blocked.
SELECT status, organizer_id, version, coalesce((
    SELECT string_agg(letter, '' ORDER BY position) FROM (
        SELECT position, CASE WHEN {IS_FREE} THEN 'f' WHEN held_until IS NULL THEN 'b' ELSE 'h' END AS letter
        FROM seat WHERE event_id = event.id AND event.seating = 'assigned'
        UNION ALL
        SELECT position, 'x' FROM blocked_seat WHERE event_id = event.id
    ) AS spot
), '') AS states
FROM event WHERE id = :event_id

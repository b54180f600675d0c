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

-- name: read_seat_plan
-- The rows of the map in its order, without what a booking changes: a letter for each column, a number for
-- each seat.
WITH spot AS (
    SELECT section_id, row_name, position, number, coalesce(column_number, number) AS column_number,
        CASE kind WHEN 'accessible' THEN 'a' ELSE 's' END AS letter
    FROM seat WHERE event_id = :event_id AND section_id IS NOT NULL
        AND (SELECT seating = 'assigned' FROM event WHERE id = :event_id)
    UNION ALL
    SELECT section_id, row_name, position, number, column_number, 'x'
    FROM blocked_seat WHERE event_id = :event_id
), placed AS (
    SELECT *, column_number - 1 - lag(column_number, 1, 0) OVER (
        PARTITION BY section_id, row_name ORDER BY position
    ) AS gap
    FROM spot
), plan_row AS (
    SELECT section_id, row_name, min(position) AS position, max(column_number) AS last_column,
        string_agg(repeat('_', gap) || letter, '' ORDER BY position) AS letters,
        json_agg(number ORDER BY position) AS numbers
    FROM placed GROUP BY section_id, row_name
), plan_section AS (
    SELECT section.name, section.price, min(plan_row.position) AS position,
        json_agg(json_build_object(
            'name', plan_row.row_name, 'columns', greatest(plan_row.last_column, seat_row.width),
            'letters', letters, 'numbers', numbers
        ) ORDER BY plan_row.position) AS rows
    FROM plan_row JOIN section ON section.id = plan_row.section_id
    LEFT JOIN seat_row
        ON seat_row.section_id = plan_row.section_id AND seat_row.name = plan_row.row_name
    GROUP BY section.id
)
SELECT version, json_build_object('version', version, 'sections', coalesce((
    SELECT json_agg(json_build_object(
        'name', name, 'price', coalesce(plan_section.price, event.price), 'rows', rows
    ) ORDER BY position) FROM plan_section
), '[]'))::text AS plan
FROM event WHERE id = :event_id

-- name: add_general_seats
INSERT INTO seat (id, event_id, position)
SELECT {NEW_ID}, :event_id, position FROM generate_series(:first::integer, :last::integer) AS position

-- name: add_seats
-- Adds the seats of the plan that do not exist yet.
WITH {PLAN}
INSERT INTO seat (id, event_id, section_id, row_name, number, column_number, kind, position)
SELECT {NEW_ID}, :event_id, section_id, row_name, number, column_number, kind, position
FROM plan WHERE letter <> 'x' AND NOT EXISTS (
    SELECT FROM seat WHERE seat.event_id = :event_id AND seat.section_id = plan.section_id
        AND seat.row_name = plan.row_name AND seat.number = plan.number
)

-- name: add_blocked_seats
-- Adds the blocked seats of the plan that do not exist yet.
WITH {PLAN}
INSERT INTO blocked_seat (id, event_id, section_id, row_name, number, column_number, position)
SELECT {NEW_ID}, :event_id, section_id, row_name, number, column_number, position
FROM plan WHERE letter = 'x' AND NOT EXISTS (
    SELECT FROM blocked_seat AS old WHERE old.event_id = :event_id AND old.section_id = plan.section_id
        AND old.row_name = plan.row_name AND old.number = plan.number
)

-- name: write_rows
-- The ends, width and numbering of each row, and its index among the rows of its section.
INSERT INTO seat_row (section_id, name, position, first_column, last_column, width, numbering)
SELECT section_id, name, position, first_column, last_column, nullif(width, last_column), numbering
FROM unnest(
    :sections::uuid[], :names::text[], :indexes::integer[], :first_columns::integer[],
    :last_columns::integer[], :widths::integer[], :numberings::text[]
) AS plan_row (section_id, name, position, first_column, last_column, width, numbering)
ON CONFLICT (section_id, name) DO UPDATE SET position = excluded.position,
    first_column = excluded.first_column, last_column = excluded.last_column,
    width = excluded.width, numbering = excluded.numbering

-- name: count_changed_rows
-- Rows that no seat tells from what they were: with other gaps behind the last seat, or another numbering.
SELECT count(*) FROM unnest(
    :sections::uuid[], :names::text[], :last_columns::integer[], :widths::integer[],
    :numberings::text[]
) AS plan_row (section_id, name, last_column, width, numbering)
JOIN seat_row AS old ON old.section_id = plan_row.section_id AND old.name = plan_row.name
WHERE (coalesce(old.width, old.last_column), old.numbering)
    IS DISTINCT FROM (plan_row.width, plan_row.numbering)

-- name: count_seats_in_use
-- Booked and held seats that are not in the plan, or blocked there.
WITH {PLAN}
SELECT count(*) FROM seat WHERE event_id = :event_id AND {IS_FREE} IS NOT TRUE AND NOT EXISTS (
    SELECT FROM plan WHERE plan.section_id = seat.section_id AND plan.row_name = seat.row_name
        AND plan.number = seat.number AND plan.letter <> 'x'
)

-- name: remove_seats
-- Free seats that are not in the plan, or blocked there.
WITH {PLAN}
DELETE FROM seat WHERE event_id = :event_id AND {IS_FREE} AND NOT EXISTS (
    SELECT FROM plan WHERE plan.section_id = seat.section_id AND plan.row_name = seat.row_name
        AND plan.number = seat.number AND plan.letter <> 'x'
)

-- name: remove_blocked_seats
-- Blocked seats that are not in the plan, or sold there.
WITH {PLAN}
DELETE FROM blocked_seat AS old WHERE event_id = :event_id AND NOT EXISTS (
    SELECT FROM plan WHERE plan.section_id = old.section_id AND plan.row_name = old.row_name
        AND plan.number = old.number AND plan.letter = 'x'
)

-- name: remove_rows
DELETE FROM seat_row AS old USING section
WHERE section.id = old.section_id AND section.event_id = :event_id AND NOT EXISTS (
    SELECT FROM unnest(:sections::uuid[], :names::text[]) AS plan_row (section_id, name)
    WHERE plan_row.section_id = old.section_id AND plan_row.name = old.name
)

-- name: change_seats
-- Positions are unique: seats that move get the negative of their new position first.
WITH {PLAN}
UPDATE seat SET kind = plan.kind, column_number = plan.column_number,
    position = CASE WHEN seat.position = plan.position THEN 1 ELSE -1 END * plan.position
FROM plan
WHERE seat.event_id = :event_id AND plan.section_id = seat.section_id
    AND plan.row_name = seat.row_name AND plan.number = seat.number AND plan.letter <> 'x'
    AND (seat.position, seat.kind, coalesce(seat.column_number, seat.number))
        IS DISTINCT FROM (plan.position, plan.kind, plan.column_number)

-- name: finish_moves
UPDATE seat SET position = -position WHERE event_id = :event_id AND position < 0

-- name: change_blocked_seats
WITH {PLAN}
UPDATE blocked_seat AS old SET column_number = plan.column_number, position = plan.position
FROM plan
WHERE old.event_id = :event_id AND plan.section_id = old.section_id
    AND plan.row_name = old.row_name AND plan.number = old.number AND plan.letter = 'x'
    AND (old.position, old.column_number) IS DISTINCT FROM (plan.position, plan.column_number)

-- name: read_plan
-- The rows of a hall in their order, as they were planned: a letter and a column for each seat.
WITH spot AS (
    SELECT section_id, row_name, position, coalesce(column_number, number) AS column_number,
        CASE kind WHEN 'accessible' THEN 'a' ELSE 's' END AS letter
    FROM seat WHERE event_id = :event_id AND section_id IS NOT NULL
    UNION ALL
    SELECT section_id, row_name, position, column_number, 'x' FROM blocked_seat WHERE event_id = :event_id
)
SELECT section.name AS section, section.price, row_name,
    string_agg(letter, '' ORDER BY column_number) AS letters,
    array_agg(column_number ORDER BY column_number) AS columns,
    coalesce(min(seat_row.width), max(column_number)) AS width,
    coalesce(min(seat_row.numbering), 'left') AS numbering
FROM spot JOIN section ON section.id = spot.section_id
LEFT JOIN seat_row ON seat_row.section_id = spot.section_id AND seat_row.name = row_name
GROUP BY section.id, row_name
ORDER BY section.position, min(spot.position)

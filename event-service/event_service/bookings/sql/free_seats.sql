-- name: find_free_rows
-- The first :seats free seats behind a position, by row and kind, in the order of the hall: for the choice of
-- adjacent ones, without a lock. Of the three branches one is executed, with the index that is made for it. A
-- limit that PostgreSQL does not know makes it read that index in order rather than sort a whole section.
WITH named AS (
    SELECT id FROM section WHERE event_id = :event_id AND name = :section
), unbooked AS (
    (
        SELECT id, position, section_id, row_name, number, column_number, kind FROM seat
        WHERE event_id = :event_id AND booking_id IS NULL AND position > :after
            AND kind = 'standard' AND :kind::text = 'standard' AND :section::text IS NULL
        ORDER BY position LIMIT (SELECT :seats::integer)
    ) UNION ALL (
        SELECT id, position, section_id, row_name, number, column_number, kind FROM seat
        WHERE section_id = (SELECT id FROM named) AND booking_id IS NULL AND position > :after
            AND kind = 'standard' AND :kind::text = 'standard' AND :section::text IS NOT NULL
        ORDER BY position LIMIT (SELECT :seats::integer)
    ) UNION ALL (
        SELECT id, position, section_id, row_name, number, column_number, kind FROM seat
        WHERE event_id = :event_id AND booking_id IS NULL AND position > :after
            AND kind = 'accessible' AND :kind::text = 'accessible'
            AND (:section::text IS NULL OR section_id = (SELECT id FROM named))
        ORDER BY position LIMIT (SELECT :seats::integer)
    )
), lapsed AS (
    SELECT id, position, section_id, row_name, number, column_number, kind FROM seat
    WHERE event_id = :event_id AND held_until <= now() AND position > :after AND kind = :kind::text
        AND (:section::text IS NULL OR section_id = (SELECT id FROM named))
    ORDER BY position LIMIT (SELECT :seats::integer)
), chosen AS (
    SELECT * FROM unbooked UNION ALL SELECT * FROM lapsed ORDER BY position LIMIT (SELECT :seats::integer)
), free_row AS (
    SELECT section_id, row_name, kind, min(position) AS first_position, max(position) AS last_position,
        array_agg(coalesce(column_number, number) ORDER BY position) AS columns,
        array_agg(id ORDER BY position) AS ids
    FROM chosen GROUP BY section_id, row_name, kind
)
SELECT section.name AS section, section.position AS section_index, row_name AS name,
    -- The previous release writes no seat_row.
    coalesce(
        seat_row.position, rank() OVER (PARTITION BY section.id ORDER BY first_position) - 1
    )::integer AS index,
    least(first_column, columns[1]) AS first_column,
    greatest(last_column, columns[cardinality(columns)]) AS last_column,
    kind, columns, ids, free_row.first_position, free_row.last_position
FROM free_row
JOIN section ON section.id = free_row.section_id
LEFT JOIN seat_row ON seat_row.section_id = free_row.section_id AND seat_row.name = row_name
ORDER BY first_position

-- name: locate_seats
-- Where some seats of an event are, free or not, blocked ones as well. IS TRUE keeps the index of event_id
-- out of it: a generic plan that thinks that halls are small would read all of a large one.
SELECT section.position AS section_index, coalesce(seat_row.position, 0) AS row_index,
    located.column_number, located.position, located.kind
FROM (
    SELECT section_id, row_name, coalesce(column_number, number) AS column_number, position, kind
    FROM seat WHERE (event_id = :event_id) IS TRUE AND id = ANY(:seat_ids::uuid[])
    UNION ALL
    SELECT section_id, row_name, column_number, position, 'blocked'
    FROM blocked_seat WHERE (event_id = :event_id) IS TRUE AND id = ANY(:seat_ids::uuid[])
) AS located
JOIN section ON section.id = located.section_id
LEFT JOIN seat_row ON seat_row.section_id = located.section_id AND seat_row.name = row_name
ORDER BY located.position

-- name: find_position_before
-- The position of the free seat that is :seats free seats before a position; NULL if there are fewer.
SELECT position FROM seat
WHERE event_id = :event_id AND booking_id IS NULL AND position < :before
ORDER BY position DESC OFFSET :seats LIMIT 1

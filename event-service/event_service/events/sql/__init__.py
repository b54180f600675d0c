"""The statements that make, change and show halls; asyncpg runs them."""

from event_service.rules import IS_FREE
from service_kit.database.bulk_inserts import NEW_ID_IN_SQL
from service_kit.database.sql_files import load

# The seats of a plan. Its rows come with a letter for each column, and the position of the seat before
# their first one. ``rank`` counts the seats of a row from the left, blocked ones too, and so does ``number``
# by the rule of the row (Numbering): a seat keeps it when it is blocked. Where both sides are numbered, they
# part at the gap nearest to the middle, else in the middle; ``aisle`` is {distance, seats left of it}.
_PLAN = """plan AS MATERIALIZED (
    SELECT section_id, row_name, letter, column_number, position + rank AS position,
        CASE letter WHEN 'a' THEN 'accessible' ELSE 'standard' END AS kind,
        CASE numbering
            WHEN 'right' THEN seats - rank + 1
            WHEN 'odd-left' THEN 2 * rank - 1
            WHEN 'odd-right' THEN 2 * (seats - rank) + 1
            WHEN 'even-left' THEN 2 * rank
            WHEN 'even-right' THEN 2 * (seats - rank + 1)
            WHEN 'odd-even' THEN
                CASE WHEN rank <= on_left THEN 2 * (on_left - rank) + 1 ELSE 2 * (rank - on_left) END
            WHEN 'even-odd' THEN
                CASE WHEN rank <= on_left THEN 2 * (on_left - rank + 1) ELSE 2 * (rank - on_left) - 1 END
            ELSE rank
        END AS number
    FROM (
        SELECT *, coalesce(
            aisle[2], CASE numbering WHEN 'odd-even' THEN (seats + 1) / 2 ELSE seats / 2 END
        ) AS on_left
        FROM (
            SELECT *, min(ARRAY[abs(2 * (rank - 1) - seats), rank - 1]) FILTER (
                WHERE numbering IN ('odd-even', 'even-odd') AND column_number - column_before > 1
            ) OVER (PARTITION BY row) AS aisle
            FROM (
                SELECT plan_row.*, letter, column_number::integer,
                    lag(column_number) OVER by_column AS column_before,
                    (row_number() OVER by_column)::integer AS rank,
                    (count(*) OVER (PARTITION BY row))::integer AS seats
                FROM unnest(
                        :sections::uuid[], :names::text[], :letters::text[], :positions::integer[],
                        :numberings::text[]
                    ) WITH ORDINALITY
                        AS plan_row (section_id, row_name, letters, position, numbering, row),
                    string_to_table(letters, NULL) WITH ORDINALITY AS spot (letter, column_number)
                WHERE letter <> '_'
                WINDOW by_column AS (PARTITION BY row ORDER BY column_number)
            ) AS ranked
        ) AS parted
    ) AS sided
)"""

statements = load(__name__, PLAN=_PLAN, IS_FREE=IS_FREE, NEW_ID=NEW_ID_IN_SQL)

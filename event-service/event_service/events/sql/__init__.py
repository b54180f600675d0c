"""The statements that make, change and show halls; asyncpg runs them."""

from event_service.rules import IS_FREE
from service_kit.database.bulk_inserts import NEW_ID_IN_SQL
from service_kit.database.sql_files import load

# The seats of a plan. Its rows come with a letter for each column, and the position of the seat before their
# first one. ``number`` counts the seats of a row, blocked ones too: a seat keeps it when it is blocked, or
# when an aisle moves.
_PLAN = """plan AS MATERIALIZED (
    SELECT section_id, row_name, letter, column_number, number, position + number AS position,
        CASE letter WHEN 'a' THEN 'accessible' ELSE 'standard' END AS kind
    FROM (
        SELECT plan_row.*, letter, column_number::integer,
            (row_number() OVER (PARTITION BY row ORDER BY column_number))::integer AS number
        FROM unnest(:sections::uuid[], :names::text[], :letters::text[], :positions::integer[])
                WITH ORDINALITY AS plan_row (section_id, row_name, letters, position, row),
            string_to_table(letters, NULL) WITH ORDINALITY AS spot (letter, column_number)
        WHERE letter <> '_'
    ) AS numbered
)"""

statements = load(__name__, PLAN=_PLAN, IS_FREE=IS_FREE, NEW_ID=NEW_ID_IN_SQL)

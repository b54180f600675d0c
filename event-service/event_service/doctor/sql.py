"""The statements of the doctor; asyncpg runs them."""

from event_service.rules import IS_ACTIVE
from service_kit.database.bulk_inserts import NEW_ID_IN_SQL
from service_kit.database.sql_files import load

# What is to be added to the sums of an event's counts.
_WRONG_COUNTS = """
    SELECT event_id, coalesce(actual.held, 0) - coalesce(shown.held, 0) AS held,
        coalesce(actual.booked, 0) - coalesce(shown.booked, 0) AS booked
    FROM (
        SELECT event_id, sum(held) AS held, sum(booked) AS booked FROM seat_tally GROUP BY event_id
    ) AS shown FULL JOIN (
        SELECT event_id, coalesce(sum(quantity) FILTER (WHERE status = 'held'), 0) AS held,
            coalesce(sum(quantity) FILTER (WHERE status = 'confirmed'), 0) AS booked
        FROM booking WHERE status IN ('held', 'confirmed') GROUP BY event_id
    ) AS actual USING (event_id)
    WHERE (coalesce(shown.held, 0), coalesce(shown.booked, 0))
        <> (coalesce(actual.held, 0), coalesce(actual.booked, 0))
"""

# What is to be added to the seats of an allowance. An offer is counted as its booking.
_WRONG_ALLOWANCES = """
    SELECT event_id, user_id,
        (coalesce(actual.seats, 0) - coalesce(seat_allowance.seats, 0))::integer AS difference
    FROM seat_allowance FULL JOIN (
        SELECT event_id, user_id, sum(quantity) AS seats
        FROM (
            SELECT event_id, user_id, quantity FROM booking WHERE status IN ('held', 'confirmed')
            UNION ALL
            SELECT event_id, user_id, quantity FROM waitlist_entry WHERE booking_id IS NULL
        ) AS wanted
        GROUP BY event_id, user_id
    ) AS actual USING (event_id, user_id)
    WHERE coalesce(actual.seats, 0) <> coalesce(seat_allowance.seats, 0)
"""

# The smallest UUIDv7 of the moment ``:older_than`` ago: its first 48 bits are milliseconds.
_ID_OF_OLDEST = (
    "concat(lpad(to_hex((extract(epoch FROM now() - :older_than::interval) * 1000)::bigint), 12, '0'),"
    " '00000000000000000000')::uuid"
)

statements = load(
    "event_service.doctor",
    ID_OF_OLDEST=_ID_OF_OLDEST,
    IS_ACTIVE=IS_ACTIVE,
    NEW_ID=NEW_ID_IN_SQL,
    WRONG_ALLOWANCES=_WRONG_ALLOWANCES,
    WRONG_COUNTS=_WRONG_COUNTS,
)

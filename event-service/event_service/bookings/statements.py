"""The SQL that frees seats and keeps them; see Design notes in ../../README.md."""

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.types import Integer

# These lock several rows of a table in the order of their ids, as lock_chosen_seats does.
KEEP_SEATS = text("""
    WITH mine AS (SELECT id FROM seat WHERE booking_id = :booking_id ORDER BY id FOR UPDATE)
    UPDATE seat SET held_until = NULL
    FROM mine WHERE seat.id = mine.id AND seat.held_until > now()
""").bindparams(bindparam("booking_id", type_=UUID()))

FREE_SEATS = text("""
    WITH theirs AS (
        SELECT id FROM seat WHERE booking_id = ANY(:booking_ids) ORDER BY id FOR UPDATE
    )
    UPDATE seat SET booking_id = NULL, held_until = NULL
    FROM theirs WHERE seat.id = theirs.id
""").bindparams(bindparam("booking_ids", type_=ARRAY(UUID())))

LOWER_ALLOWANCES = text("""
    WITH freed AS (
        SELECT * FROM unnest(:user_ids, :seats) AS new (user_id, seats)
    ), theirs AS (
        SELECT user_id FROM seat_allowance
        WHERE event_id = :event_id AND user_id = ANY(:user_ids) ORDER BY user_id FOR UPDATE
    )
    UPDATE seat_allowance SET seats = seat_allowance.seats - freed.seats
    FROM freed JOIN theirs USING (user_id)
    WHERE seat_allowance.event_id = :event_id AND seat_allowance.user_id = freed.user_id
""").bindparams(
    bindparam("event_id", type_=UUID()),
    bindparam("user_ids", type_=ARRAY(UUID())),
    bindparam("seats", type_=ARRAY(Integer())),
)

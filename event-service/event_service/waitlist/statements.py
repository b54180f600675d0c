"""The line of an event, as PostgreSQL is asked for it. ``offers.py`` says in which order."""

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.types import DateTime, Integer, Interval

_EVENT = bindparam("event_id", type_=UUID())
_ON_SALE = """event.status = 'published' AND coalesce(event.sales_start <= now(), true)
            AND coalesce(event.sales_end > now(), true) AND event.ends_at > now()"""

# The first who waits is the lock of the whole line: whoever frees seats takes it before any seat.
# No row: nobody waits, or nothing may be sold now.
LOCK_LINE = text(f"""
    SELECT least(now() + :offer_for, event.sales_end, event.ends_at) AS offer_ends
    FROM waitlist_entry JOIN event ON event.id = waitlist_entry.event_id
    WHERE waitlist_entry.event_id = :event_id AND waitlist_entry.booking_id IS NULL AND {_ON_SALE}
    ORDER BY waitlist_entry.place LIMIT 1
    FOR UPDATE OF waitlist_entry
""").bindparams(_EVENT, bindparam("offer_for", type_=Interval()))

# Free seats for the groups in front. Those that a booking is just taking are passed by: this
# transaction holds seats already, and to wait while holding some could be a deadlock.
LOCK_FREE_SEATS = text("""
    SELECT seat.id, seat.position, seat.row_name, seat.number, section.name AS section,
        coalesce(section.price, :price) AS price
    FROM seat LEFT JOIN section ON section.id = seat.section_id
    WHERE seat.event_id = :event_id AND seat.booking_id IS NULL
    ORDER BY seat.position
    LIMIT (
        SELECT sum(quantity) FROM (
            SELECT quantity FROM waitlist_entry
            WHERE event_id = :event_id AND booking_id IS NULL ORDER BY place LIMIT :groups
        ) AS front
    )
    FOR UPDATE OF seat SKIP LOCKED
""").bindparams(_EVENT, bindparam("price", type_=Integer()), bindparam("groups", type_=Integer()))

FIRST_THAT_FITS = text("""
    SELECT user_id, place, quantity FROM waitlist_entry
    WHERE event_id = :event_id AND booking_id IS NULL AND quantity <= :seats
    ORDER BY place LIMIT 1
""").bindparams(_EVENT, bindparam("seats", type_=Integer()))

GIVE_SEATS = text("""
    UPDATE seat SET booking_id = :booking_id, held_until = :held_until WHERE id = ANY(:seat_ids)
""").bindparams(
    bindparam("booking_id", type_=UUID()),
    bindparam("held_until", type_=DateTime(timezone=True)),
    bindparam("seat_ids", type_=ARRAY(UUID())),
)

# The group at this place has its offer; those before it were passed.
MARK_OFFERED = text("""
    UPDATE waitlist_entry
    SET booking_id = CASE WHEN place = :place THEN CAST(:booking_id AS uuid) END,
        times_passed = times_passed + CASE WHEN place < :place THEN 1 ELSE 0 END
    WHERE event_id = :event_id AND booking_id IS NULL AND place <= :place
""").bindparams(_EVENT, bindparam("booking_id", type_=UUID()))

# Whether seats are free, or in holds that have ended, for the smallest group that waits.
IS_DUE = text("""
    SELECT (
        SELECT count(*) FROM (
            SELECT FROM seat WHERE event_id = :event_id AND booking_id IS NULL
            LIMIT (
                SELECT min(quantity) FROM waitlist_entry
                WHERE event_id = :event_id AND booking_id IS NULL
            )
        ) AS free
    ) + (
        SELECT count(*) FROM seat WHERE event_id = :event_id AND held_until <= now()
    ) >= (
        SELECT min(quantity) FROM waitlist_entry
        WHERE event_id = :event_id AND booking_id IS NULL
    )
""").bindparams(_EVENT)

# For the sweeper: events with holds that have ended, and those with seats that somebody waits for.
DUE_EVENTS = text(f"""
    SELECT event_id FROM booking WHERE status = 'held' AND expires_at <= now()
    UNION
    SELECT event.id
    FROM event JOIN (
        SELECT event_id, min(quantity) AS smallest FROM waitlist_entry
        WHERE booking_id IS NULL GROUP BY event_id
    ) AS line ON line.event_id = event.id
    WHERE {_ON_SALE}
        AND line.smallest <= (
            SELECT count(*) FROM (
                SELECT FROM seat WHERE event_id = event.id AND booking_id IS NULL
                LIMIT line.smallest
            ) AS free
        )
    LIMIT :events
""").bindparams(bindparam("events", type_=Integer()))

ADD_TO_ALLOWANCE = text("""
    INSERT INTO seat_allowance (event_id, user_id, seats, max_seats)
    VALUES (:event_id, :user_id, :seats, :max_seats)
    ON CONFLICT (event_id, user_id) DO UPDATE
    SET seats = seat_allowance.seats + excluded.seats, max_seats = excluded.max_seats
""").bindparams(
    _EVENT,
    bindparam("user_id", type_=UUID()),
    bindparam("seats", type_=Integer()),
    bindparam("max_seats", type_=Integer()),
)

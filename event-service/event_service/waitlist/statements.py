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
        AND :seats >= (
            SELECT min(quantity) FROM waitlist_entry
            WHERE event_id = :event_id AND booking_id IS NULL
        )
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

# Each event with a line, and its smallest group, by one step in ix_waitlist_entry_smallest: however
# many wait, and whatever events that are over have left behind.
_LINES = """
        (
            SELECT event_id, quantity FROM waitlist_entry WHERE booking_id IS NULL
            ORDER BY event_id, quantity LIMIT 1
        ) UNION ALL
        SELECT following.event_id, following.quantity
        FROM line CROSS JOIN LATERAL (
            SELECT event_id, quantity FROM waitlist_entry
            WHERE booking_id IS NULL AND event_id > line.event_id
            ORDER BY event_id, quantity LIMIT 1
        ) AS following
"""

# For the sweeper: events with holds that have ended, and those with seats that somebody waits for. The
# holds in the same way, by ix_booking_held.
DUE_EVENTS = text(f"""
    WITH RECURSIVE line (event_id, smallest) AS ({_LINES}), hold (event_id, ends) AS (
        (
            SELECT event_id, expires_at FROM booking WHERE expires_at IS NOT NULL
            ORDER BY event_id, expires_at LIMIT 1
        ) UNION ALL
        SELECT following.event_id, following.expires_at
        FROM hold CROSS JOIN LATERAL (
            SELECT event_id, expires_at FROM booking
            WHERE expires_at IS NOT NULL AND event_id > hold.event_id
            ORDER BY event_id, expires_at LIMIT 1
        ) AS following
    )
    SELECT event_id FROM hold WHERE ends <= now()
    UNION
    SELECT event.id FROM line JOIN event ON event.id = line.event_id
    WHERE {_ON_SALE}
        AND line.smallest <= (
            SELECT count(*) FROM (
                SELECT FROM seat WHERE event_id = event.id AND booking_id IS NULL
                LIMIT line.smallest
            ) AS free
        )
    LIMIT :events
""").bindparams(bindparam("events", type_=Integer()))

# A batch of those who wait for events that are over. An offer among them ends as every hold does. The
# events are locked as by whoever joins or leaves, who would lower an allowance for the same entry; one
# that is locked comes next time.
END_WAITING = text(f"""
    WITH RECURSIVE line (event_id, smallest) AS ({_LINES}), over AS MATERIALIZED (
        SELECT event.id FROM line JOIN event ON event.id = line.event_id
        WHERE event.status = 'cancelled' OR event.ends_at <= now() LIMIT :entries
        FOR NO KEY UPDATE OF event SKIP LOCKED
    ), gone AS (
        DELETE FROM waitlist_entry WHERE ctid = ANY(ARRAY(
            SELECT waitlist_entry.ctid FROM waitlist_entry JOIN over ON over.id = event_id
            WHERE booking_id IS NULL
            LIMIT :entries FOR UPDATE OF waitlist_entry SKIP LOCKED
        ))
        RETURNING event_id, user_id, quantity
    ), lowered AS (
        UPDATE seat_allowance SET seats = seats - gone.quantity FROM gone
        WHERE seat_allowance.event_id = gone.event_id AND seat_allowance.user_id = gone.user_id
    )
    SELECT count(*) FROM gone
""").bindparams(bindparam("entries", type_=Integer()))

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

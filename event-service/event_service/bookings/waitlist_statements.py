"""The SQL of the waitlist. ``offers.py`` describes the order of locks."""

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.types import Integer, Interval

from event_service.rules import IS_ACTIVE, IS_ON_SALE

_EVENT = bindparam("event_id", type_=UUID())

# The first waiting entry is the lock of the whole waitlist; transactions that free seats take it before
# any seat. No row: nobody waits, or the event is not on sale.
LOCK_WAITLIST = text(f"""
    SELECT least(now() + :offer_for, event.sales_end, event.ends_at) AS offer_ends
    FROM waitlist_entry JOIN event ON event.id = waitlist_entry.event_id
    WHERE waitlist_entry.event_id = :event_id AND waitlist_entry.booking_id IS NULL AND {IS_ON_SALE}
    ORDER BY waitlist_entry.place LIMIT 1
    FOR UPDATE OF waitlist_entry
""").bindparams(_EVENT, bindparam("offer_for", type_=Interval()))

# Free seats for the first groups. Seats that a booking has locked are skipped: this transaction holds
# locks on seats already, and waiting for others could be a deadlock.
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
        ) AS first_groups
    )
    FOR UPDATE OF seat SKIP LOCKED
""").bindparams(_EVENT, bindparam("price", type_=Integer()), bindparam("groups", type_=Integer()))

FIND_FIRST_GROUP = text("""
    SELECT user_id, place, quantity, guest_name FROM waitlist_entry
    WHERE event_id = :event_id AND booking_id IS NULL AND quantity <= :seats
        AND :seats >= (
            SELECT min(quantity) FROM waitlist_entry
            WHERE event_id = :event_id AND booking_id IS NULL
        )
    ORDER BY place LIMIT 1
""").bindparams(_EVENT, bindparam("seats", type_=Integer()))

# The entry with this number gets the offer; entries before it were too large and are passed over.
MARK_OFFERED = text("""
    UPDATE waitlist_entry
    SET booking_id = CASE WHEN place = :place THEN CAST(:booking_id AS uuid) END,
        times_passed = times_passed + CASE WHEN place < :place THEN 1 ELSE 0 END
    WHERE event_id = :event_id AND booking_id IS NULL AND place <= :place
""").bindparams(_EVENT, bindparam("booking_id", type_=UUID()))

# Each event with a waitlist, and its smallest group: one index step in ix_waitlist_entry_smallest an
# event, however many entries wait (a loose index scan).
_WAITLISTS = """
        (
            SELECT event_id, quantity FROM waitlist_entry WHERE booking_id IS NULL
            ORDER BY event_id, quantity LIMIT 1
        ) UNION ALL
        SELECT following.event_id, following.quantity
        FROM waitlist CROSS JOIN LATERAL (
            SELECT event_id, quantity FROM waitlist_entry
            WHERE booking_id IS NULL AND event_id > waitlist.event_id
            ORDER BY event_id, quantity LIMIT 1
        ) AS following
"""

# For the sweeper: events with lapsed holds (a loose scan of ix_booking_held), and events on sale with
# free seats for somebody who waits.
DUE_EVENTS = text(f"""
    WITH RECURSIVE waitlist (event_id, smallest) AS ({_WAITLISTS}), hold (event_id, ends) AS (
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
    SELECT event.id FROM waitlist JOIN event ON event.id = waitlist.event_id
    WHERE {IS_ON_SALE}
        AND waitlist.smallest <= (
            SELECT count(*) FROM (
                SELECT FROM seat WHERE event_id = event.id AND booking_id IS NULL
                LIMIT waitlist.smallest
            ) AS free
        )
    LIMIT :events
""").bindparams(bindparam("events", type_=Integer()))

# Removes a batch of entries that wait for events that are over; offers end as holds. The events are
# locked as for joining and leaving, which change the allowance of the same entry; locked events are left
# for the next run.
DELETE_PAST_ENTRIES = text(f"""
    WITH RECURSIVE waitlist (event_id, smallest) AS ({_WAITLISTS}), over AS MATERIALIZED (
        SELECT event.id FROM waitlist JOIN event ON event.id = waitlist.event_id
        WHERE NOT {IS_ACTIVE} LIMIT :entries
        FOR NO KEY UPDATE OF event SKIP LOCKED
    ), deleted AS (
        DELETE FROM waitlist_entry WHERE ctid = ANY(ARRAY(
            SELECT waitlist_entry.ctid FROM waitlist_entry JOIN over ON over.id = event_id
            WHERE booking_id IS NULL
            LIMIT :entries FOR UPDATE OF waitlist_entry SKIP LOCKED
        ))
        RETURNING event_id, user_id, quantity
    ), lowered AS (
        UPDATE seat_allowance SET seats = seats - deleted.quantity FROM deleted
        WHERE seat_allowance.event_id = deleted.event_id AND seat_allowance.user_id = deleted.user_id
    )
    SELECT count(*) FROM deleted
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

"""The rules of events and bookings, each once: pure functions, and SQL for statements that need the same.

``event`` and ``booking`` are rows or objects with the columns of those tables; ``now`` is in UTC. A
constant is the SQL of the rule above it, on tables that go by their own names, for f-strings and for
SQLAlchemy's ``where``. ``tests/events/test_rules.py`` asks both the same questions.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnClause, DateTime, and_, func, literal_column

from event_service.statuses import (
    BOOKING_CHANGES,
    EVENT_CHANGES,
    BookingStatus,
    EnumText,
    EventStatus,
    SeatState,
    statuses_before,
)
from service_kit.web.tokens import Person

# Seats of one event.
MAX_SEATS = 100_000


def _condition(sql: str) -> ColumnClause[bool]:
    return literal_column(f"({' '.join(sql.split())})", Boolean())


# --- events


def has_ended(event: Any, now: datetime) -> bool:
    ended: bool = event.ends_at <= now
    return ended


def is_active(event: Any, now: datetime) -> bool:
    """Published, and not over: it takes place."""
    return event.status == EventStatus.PUBLISHED and not has_ended(event, now)


IS_ACTIVE = _condition(f"event.status = '{EventStatus.PUBLISHED}' AND event.ends_at > now()")


def is_on_sale(event: Any, now: datetime) -> bool:
    """Active, and within the sales window; without a start or an end the window is open there."""
    return (
        is_active(event, now)
        and (event.sales_start is None or event.sales_start <= now)
        and (event.sales_end is None or event.sales_end > now)
    )


IS_ON_SALE = _condition(f"""
    {IS_ACTIVE}
    AND coalesce(event.sales_start <= now(), true) AND coalesce(event.sales_end > now(), true)
""")

# Reminded of, and in the public list if it is listed: published, and not begun. The status is a parameter:
# with a literal PostgreSQL would keep one generic plan for all searches, whatever they search for.
IS_UPCOMING = and_(
    literal_column("event.status", EnumText(EventStatus)) == EventStatus.PUBLISHED,
    literal_column("event.starts_at", DateTime(timezone=True)) > func.now(),
)

IS_IN_PUBLIC_LIST = and_(IS_UPCOMING, literal_column("event.is_listed", Boolean()))


def may_see(event: Any, viewer: UUID | None) -> bool:
    """A draft is its organizer's; everything else, cancelled events too, is public."""
    return bool(event.status != EventStatus.DRAFT or event.organizer_id == viewer)


# Nobody decides by these fields whether to book. All others are the terms: price, time, place, hall.
BESIDE_TERMS = frozenset(
    {
        "title", "description", "category", "organizer_name",
        "sales_start", "sales_end", "capacity", "max_seats_per_user",
    }
)  # fmt: skip


def terms_since(event: Any) -> int:
    """The version since which the terms are the same. A process of the release before raises the version and
    does not compare them: then it is the version itself."""
    if event.terms_version is None or event.terms_checked_version != event.version:
        return int(event.version)
    return int(event.terms_version)


def has_same_terms(event: Any, seen_version: int) -> bool:
    return bool(terms_since(event) <= seen_version <= event.version)


# With the parameter ``viewer``, a UUID or NULL.
IS_VISIBLE = f"(event.status <> '{EventStatus.DRAFT}' OR event.organizer_id = :viewer)"


def may_change(event: Any, person: Person | None) -> bool:
    """Its organizer, and superusers."""
    return person is not None and (person.is_superuser or event.organizer_id == person.user_id)


def event_may_become(status: EventStatus, new: EventStatus) -> bool:
    return new in EVENT_CHANGES[status]


# --- bookings


def cancellation_deadline(event: Any) -> datetime:
    """Until when guests may cancel: as the organizer says, else the start; never after the end."""
    deadline: datetime = min(event.cancellation_deadline or event.starts_at, event.ends_at)
    return deadline


CANCELLATION_DEADLINE = literal_column(
    "least(coalesce(event.cancellation_deadline, event.starts_at), event.ends_at)",
    DateTime(timezone=True),
)


def booking_may_become(status: BookingStatus, new: BookingStatus) -> bool:
    return new in BOOKING_CHANGES[status]


def can_cancel(status: BookingStatus, event: Any, now: datetime, *, is_checked_in: bool) -> bool:
    """Whether the guest may cancel a booking whose status is ``status`` now. A hold may be given up at
    any time; a confirmed booking before the deadline, unless somebody was let in with it."""
    if status == BookingStatus.CONFIRMED:
        return not is_checked_in and now < cancellation_deadline(event)
    return booking_may_become(status, BookingStatus.CANCELLED)


# Whether somebody was let in with a booking. Of EXISTS PostgreSQL may make a hash of all tickets that were
# ever checked in, for a page of 20 bookings.
IS_CHECKED_IN = _condition("""
    (
        SELECT true FROM ticket
        WHERE ticket.booking_id = booking.id AND ticket.checked_in_at IS NOT NULL LIMIT 1
    ) IS NOT NULL
""")


# What a cancellation ends: held and confirmed bookings.
CANCELLABLE = statuses_before(BOOKING_CHANGES, BookingStatus.CANCELLED)


# A hold whose time is over has expired, whether or not the sweeper has been there.
HAS_LAPSED = _condition(f"booking.status = '{BookingStatus.HELD}' AND booking.expires_at <= now()")
STATUS_NOW = literal_column(
    f"CASE WHEN {HAS_LAPSED} THEN '{BookingStatus.EXPIRED}' ELSE booking.status END",
    EnumText(BookingStatus),
)

# Bookings that let somebody in, and whose guests are reminded and written to.
IS_CONFIRMED = _condition(f"booking.status = '{BookingStatus.CONFIRMED}'")
IS_HELD = _condition(f"booking.status = '{BookingStatus.HELD}' AND booking.expires_at > now()")


# --- seats

IS_FREE = _condition("seat.booking_id IS NULL OR seat.held_until <= now()")
SEAT_STATE = f"""CASE WHEN {IS_FREE} THEN '{SeatState.FREE}'
    WHEN seat.held_until IS NULL THEN '{SeatState.BOOKED}' ELSE '{SeatState.HELD}' END"""

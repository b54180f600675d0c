"""Reading bookings."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Uuid,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.representation import Json, booking_fields
from event_service.bookings.schemas import BookingQuery
from event_service.models import Booking, Event, IdempotencyKey, SeatAllowance
from event_service.rules import IS_CHECKED_IN, STATUS_NOW
from service_kit.clock import utc_now
from service_kit.problems import NotFound
from service_kit.web.paging import Paging, encode_cursor

# A page ends early once its bookings have more seats than this together; it has one booking at least.
SEATS_PER_PAGE = 5_000

_BOOKINGS = bindparam("booking_ids", type_=ARRAY(Uuid))

# In the form of BookedSeat.
_SEATS_AS_JSON = """json_agg(json_build_object(
    'id', seat_id, 'section', section, 'row', row_name, 'number', number, 'ticket_code', code
) ORDER BY position)::text"""
_SEATS = text(f"""
    SELECT booking_id, {_SEATS_AS_JSON} AS seats
    FROM ticket WHERE booking_id = ANY(:booking_ids) GROUP BY booking_id
""").bindparams(_BOOKINGS)
_OWN_SEATS = literal_column(
    f"(SELECT {_SEATS_AS_JSON} FROM ticket WHERE ticket.booking_id = booking.id)", String()
).label("seats")

# What ``representation.booking_fields`` reads of a booking and its event.
_COLUMNS: tuple[Any, ...] = (
    col(Booking.id),
    col(Booking.event_id),
    col(Booking.user_id),
    col(Booking.quantity),
    col(Booking.total),
    col(Booking.currency),
    col(Booking.created_at),
    col(Booking.expires_at),
    col(Booking.guest_name),
    STATUS_NOW.label("status_now"),
    IS_CHECKED_IN.label("is_checked_in"),
    col(Event.title),
    col(Event.starts_at),
    col(Event.ends_at),
    col(Event.cancellation_deadline),
    col(Event.timezone),
    col(Event.venue),
    col(Event.city),
)


async def get_booking(session: AsyncSession, booking_id: UUID, *, user_id: UUID) -> Json:
    """A person's booking in the form of BookingPublic. Raises NotFound for other people's."""
    return await _show(session, col(Booking.id) == booking_id, col(Booking.user_id) == user_id)


async def show_booking(session: AsyncSession, booking_id: UUID) -> Json:
    """The booking in the form of BookingPublic, with its seats as a fragment of JSON."""
    return await _show(session, col(Booking.id) == booking_id)


async def _show(session: AsyncSession, *conditions: ColumnElement[bool]) -> Json:
    rows = await session.execute(_with_event(*_COLUMNS, _OWN_SEATS).where(*conditions))
    row = rows.one_or_none()
    if row is None:
        raise NotFound
    return _to_public(row, row.seats, utc_now())


def _with_event(*columns: Any) -> Select[Any]:
    return select(*columns).join(Event, col(Event.id) == col(Booking.event_id))


def _to_public(row: Any, seats: str | None, now: datetime) -> Json:
    """A row of ``newest_first`` in the form of BookingPublic; ``seats`` as ``list_seats`` has them."""
    return booking_fields(row, row.status_now, row, now=now, is_checked_in=row.is_checked_in) | {
        "seats": orjson.Fragment(seats or "[]")
    }


async def list_bookings(
    session: AsyncSession, user_id: UUID, query: BookingQuery, paging: Paging
) -> Json:
    """A page of a person's bookings in the form of BookingPublic, newest first."""
    return await show_page(session, *await find_bookings(session, user_id, query, paging))


async def show_page(session: AsyncSession, rows: list[Any], cursor: str | None) -> Json:
    """Rows of ``newest_first`` with their seats; the page ends early where these are very many."""
    rows, cursor = _limit_seats(rows, cursor)
    seats, now = await list_seats(session, [row.id for row in rows]), utc_now()
    items = [_to_public(row, seats.get(row.id), now) for row in rows]
    return {"items": items, "next_cursor": cursor}


async def find_bookings(
    session: AsyncSession, user_id: UUID, query: BookingQuery, paging: Paging
) -> tuple[list[Any], str | None]:
    """A page of a person's bookings as rows for ``representation.booking_fields``, newest first, and the
    cursor of the next page."""
    statement = newest_first(paging).where(col(Booking.user_id) == user_id)
    if query.status:
        statement = statement.where(STATUS_NOW == query.status)
    if query.event_id:
        statement = statement.where(col(Booking.event_id) == query.event_id)
    return await read_page(session, statement, paging)


def newest_first(paging: Paging) -> Select[Any]:
    """Selects rows for ``show_page``. UUIDv7 sorts by time of creation."""
    statement = _with_event(*_COLUMNS).order_by(col(Booking.id).desc())
    after = paging.after(UUID)
    return statement.where(col(Booking.id) < after[0]) if after else statement


async def read_page(
    session: AsyncSession, statement: Select[Any], paging: Paging
) -> tuple[list[Any], str | None]:
    """The rows of a page and the cursor of the next."""
    rows = (await session.execute(statement.limit(paging.limit + 1))).all()
    return paging.page(rows, lambda row: (row.id,))


def _limit_seats(rows: list[Any], cursor: str | None) -> tuple[list[Any], str | None]:
    """The first bookings with at most SEATS_PER_PAGE seats together, one at least, and the cursor."""
    seats = 0
    for index, row in enumerate(rows):
        seats += row.quantity
        if index and seats > SEATS_PER_PAGE:
            return rows[:index], encode_cursor((rows[index - 1].id,))
    return rows, cursor


async def list_seats(session: AsyncSession, booking_ids: Sequence[UUID]) -> dict[UUID, str]:
    """By booking: its seats by position, as JSON that PostgreSQL writes."""
    rows = await session.execute(_SEATS, {"booking_ids": list(booking_ids)})
    return {row.booking_id: row.seats for row in rows}


async def find_idempotency_key(
    session: AsyncSession, user_id: UUID, key: str
) -> IdempotencyKey | None:
    return await session.get(IdempotencyKey, (user_id, key))


async def has_allowance(session: AsyncSession, user_id: UUID, event_id: UUID, seats: int) -> bool:
    """Whether a person may have ``seats`` more of an event, in a new snapshot."""
    counted = func.coalesce(col(SeatAllowance.seats), 0)
    is_allowed = await session.scalar(
        select(counted + seats <= col(Event.max_seats_per_user))
        .outerjoin(
            SeatAllowance,
            and_(
                col(SeatAllowance.event_id) == col(Event.id), col(SeatAllowance.user_id) == user_id
            ),
        )
        .where(col(Event.id) == event_id)
    )
    return bool(is_allowed)


async def lock_event_of_booking(
    session: AsyncSession, booking_id: UUID, *, user_id: UUID, frees_seats: bool = False
) -> Event:
    """The event of a person's booking, locked against changes by its organizer. It is locked before the
    booking (lock order). With ``frees_seats`` the lock also conflicts with joining the waitlist."""
    of = select(col(Booking.event_id)).where(
        col(Booking.id) == booking_id, col(Booking.user_id) == user_id
    )
    rows = await session.execute(
        select(Event)
        .where(col(Event.id) == of.scalar_subquery())
        .with_for_update(read=True, key_share=not frees_seats)
    )
    event: Event | None = rows.scalar_one_or_none()
    if event is None:
        raise NotFound
    return event

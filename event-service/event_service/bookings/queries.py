"""Reading bookings."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Integer, Select, Uuid, and_, bindparam, case, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.representation import Json, booking_fields
from event_service.bookings.schemas import BookingQuery
from event_service.models import Booking, Event, IdempotencyKey, SeatAllowance, Ticket
from service_kit.problems import NotFound
from service_kit.web.paging import Paging, encode_cursor

# A hold that has ended is over, whether or not the sweeper has been.
STATUS_NOW = case(
    (and_(col(Booking.status) == "held", col(Booking.expires_at) <= func.now()), "expired"),
    else_=col(Booking.status),
)


# How many seats the bookings of a page have together, if it has more than one: a page ends early.
SEATS_PER_PAGE = 5_000

_BOOKINGS = bindparam("booking_ids", type_=ARRAY(Uuid))

# In the form of BookedSeat.
_SEATS = text("""
    SELECT booking_id, json_agg(json_build_object(
        'id', seat_id, 'section', section, 'row', row_name, 'number', number, 'ticket_code', code
    ) ORDER BY position)::text AS seats
    FROM ticket WHERE booking_id = ANY(:booking_ids) GROUP BY booking_id
""").bindparams(_BOOKINGS)

_FIRST_TICKETS = text("""
    SELECT first.* FROM unnest(:booking_ids) AS of (id) CROSS JOIN LATERAL (
        SELECT booking_id, seat_id, section, row_name, number, code
        FROM ticket WHERE booking_id = of.id ORDER BY position LIMIT :most
    ) AS first
""").bindparams(_BOOKINGS, bindparam("most", type_=Integer()))


async def get_booking(session: AsyncSession, booking_id: UUID, *, user_id: UUID) -> Json:
    """One's own booking, in the form of BookingPublic; another's is NotFound."""
    found = await session.execute(
        select(Booking, STATUS_NOW.label("status_now")).where(
            col(Booking.id) == booking_id, col(Booking.user_id) == user_id
        )
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound
    return await show_booking(session, row.Booking, status=row.status_now)


async def show_booking(
    session: AsyncSession, booking: Booking, *, status: str | None = None
) -> Json:
    """In the form of BookingPublic, its seats as JSON text within."""
    seats = await list_seats(session, [booking.id])
    return _shown(booking, seats, status or booking.status)


def _shown(booking: Booking, seats: dict[UUID, str], status: str) -> Json:
    written = orjson.Fragment(seats.get(booking.id, "[]"))
    return booking_fields(booking, status) | {"seats": written}


async def list_bookings(
    session: AsyncSession, user_id: UUID, query: BookingQuery, paging: Paging
) -> Json:
    """One's own bookings, newest first: a page of BookingPublic."""
    rows, cursor = _cut(*await find_bookings(session, user_id, query, paging))
    seats = await list_seats(session, [row.Booking.id for row in rows])
    items = [_shown(row.Booking, seats, row.status_now) for row in rows]
    return {"items": items, "next_cursor": cursor}


async def find_bookings(
    session: AsyncSession, user_id: UUID, query: BookingQuery, paging: Paging
) -> tuple[list[Any], str | None]:
    """Rows of Booking and status_now of one's own bookings, newest first, and where the next page
    begins."""
    statement = _newest_first(paging).where(col(Booking.user_id) == user_id)
    if query.status:
        statement = statement.where(STATUS_NOW == query.status)
    if query.event_id:
        statement = statement.where(col(Booking.event_id) == query.event_id)
    return await _page(session, statement, paging)


async def list_event_bookings(
    session: AsyncSession, event_id: UUID, query: BookingQuery, paging: Paging
) -> Json:
    """The bookings of an event, newest first: a page of OrganizerBooking."""
    statement = _newest_first(paging).where(col(Booking.event_id) == event_id)
    if query.status:
        statement = statement.where(STATUS_NOW == query.status)
    rows, cursor = _cut(*await _page(session, statement, paging))
    seats = await list_seats(session, [row.Booking.id for row in rows])
    items = [
        _shown(row.Booking, seats, row.status_now) | {"user_id": row.Booking.user_id}
        for row in rows
    ]
    return {"items": items, "next_cursor": cursor}


def _newest_first(paging: Paging) -> Select[Any]:
    """UUIDv7 sorts by time of creation."""
    statement = select(Booking, STATUS_NOW.label("status_now")).order_by(col(Booking.id).desc())
    after = paging.after(UUID)
    return statement.where(col(Booking.id) < after[0]) if after else statement


async def _page(
    session: AsyncSession, statement: Select[Any], paging: Paging
) -> tuple[list[Any], str | None]:
    found = (await session.execute(statement.limit(paging.limit + 1))).all()
    return paging.page(found, lambda row: (row.Booking.id,))


def _cut(rows: list[Any], cursor: str | None) -> tuple[list[Any], str | None]:
    """So many bookings as have SEATS_PER_PAGE together, and one at least."""
    seats = 0
    for shown, row in enumerate(rows):
        seats += row.Booking.quantity
        if shown and seats > SEATS_PER_PAGE:
            return rows[:shown], encode_cursor((rows[shown - 1].Booking.id,))
    return rows, cursor


async def list_seats(session: AsyncSession, booking_ids: Sequence[UUID]) -> dict[UUID, str]:
    """By booking: its seats in order, as JSON that PostgreSQL writes."""
    found = await session.execute(_SEATS, {"booking_ids": list(booking_ids)})
    return {row.booking_id: row.seats for row in found}


async def first_tickets(
    session: AsyncSession, booking_ids: Sequence[UUID], *, most: int
) -> dict[UUID, list[Any]]:
    """By booking: so many of its tickets as rows, in order."""
    found = await session.execute(_FIRST_TICKETS, {"booking_ids": list(booking_ids), "most": most})
    tickets: dict[UUID, list[Any]] = {booking_id: [] for booking_id in booking_ids}
    for row in found:
        tickets[row.booking_id].append(row)
    return tickets


async def list_used_seats(session: AsyncSession, booking_id: UUID) -> list[UUID]:
    """The seats of a booking with whose tickets somebody was let in."""
    found = await session.execute(
        select(col(Ticket.seat_id))
        .where(col(Ticket.booking_id) == booking_id, col(Ticket.checked_in_at).is_not(None))
        .order_by(col(Ticket.position))
    )
    return list(found.scalars())


async def find_idempotency_key(
    session: AsyncSession, user_id: UUID, key: str
) -> IdempotencyKey | None:
    return await session.get(IdempotencyKey, (user_id, key))


async def has_allowance(session: AsyncSession, user_id: UUID, event_id: UUID, seats: int) -> bool:
    """Whether a person may have so many more seats of an event, in a look that begins now."""
    counted = func.coalesce(col(SeatAllowance.seats), 0)
    found = await session.scalar(
        select(counted + seats <= col(Event.max_seats_per_user))
        .outerjoin(
            SeatAllowance,
            and_(
                col(SeatAllowance.event_id) == col(Event.id), col(SeatAllowance.user_id) == user_id
            ),
        )
        .where(col(Event.id) == event_id)
    )
    return bool(found)


async def lock_event_of_booking(
    session: AsyncSession, booking_id: UUID, *, user_id: UUID, frees_seats: bool = False
) -> Event:
    """The event of one's own booking, against its organizer's changes; before the booking, as the
    order of locks has it. Whoever frees seats also keeps the line from growing unseen."""
    of = select(col(Booking.event_id)).where(
        col(Booking.id) == booking_id, col(Booking.user_id) == user_id
    )
    found = await session.execute(
        select(Event)
        .where(col(Event.id) == of.scalar_subquery())
        .with_for_update(read=True, key_share=not frees_seats)
    )
    event: Event | None = found.scalar_one_or_none()
    if event is None:
        raise NotFound
    return event


async def lock_booking(session: AsyncSession, booking_id: UUID, *, user_id: UUID) -> Booking:
    """One's own booking, locked; another's is NotFound."""
    found = await session.execute(
        select(Booking)
        .where(col(Booking.id) == booking_id, col(Booking.user_id) == user_id)
        .with_for_update()
    )
    booking: Booking | None = found.scalar_one_or_none()
    if booking is None:
        raise NotFound
    return booking

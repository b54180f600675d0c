"""Reading bookings."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, case, func, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.schemas import (
    BookedSeat,
    BookingPublic,
    BookingQuery,
    OrganizerBooking,
)
from event_service.bookings.writing import NewBooking
from event_service.models import Booking, Event, IdempotencyKey, SeatAllowance, Ticket
from service_kit.paging import Page, Paging
from service_kit.problems import NotFound

# A hold that has ended is over, whether or not the sweeper has been.
STATUS_NOW = case(
    (and_(col(Booking.status) == "held", col(Booking.expires_at) <= func.now()), "expired"),
    else_=col(Booking.status),
)


def booking_public(
    booking: Booking | NewBooking,
    tickets: Iterable[Any],
    *,
    status: str | None = None,
) -> BookingPublic:
    return BookingPublic.model_validate(_fields(booking, tickets, status or booking.status))


def _fields(booking: Booking | NewBooking, tickets: Iterable[Any], status: str) -> dict[str, Any]:
    return {
        "id": booking.id,
        "event_id": booking.event_id,
        "user_id": booking.user_id,
        "status": status,
        "seats": [
            BookedSeat(
                id=ticket.seat_id,
                section=ticket.section,
                row=ticket.row_name,
                number=ticket.number,
                ticket_code=ticket.code,
            )
            for ticket in sorted(tickets, key=attrgetter("position"))
        ],
        "total": booking.total,
        "currency": booking.currency,
        "created_at": booking.created_at,
        "expires_at": booking.expires_at if status in ("held", "expired") else None,
    }


async def get_booking(session: AsyncSession, booking_id: UUID, *, user_id: UUID) -> BookingPublic:
    """One's own booking; another's is NotFound."""
    found = await session.execute(
        select(Booking, STATUS_NOW.label("status_now")).where(
            col(Booking.id) == booking_id, col(Booking.user_id) == user_id
        )
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound
    tickets = await list_tickets(session, [booking_id])
    return booking_public(row.Booking, tickets, status=row.status_now)


async def list_bookings(
    session: AsyncSession, user_id: UUID, query: BookingQuery, paging: Paging
) -> Page[BookingPublic]:
    """One's own bookings, newest first."""
    statement = _newest_first(paging).where(col(Booking.user_id) == user_id)
    if query.status:
        statement = statement.where(STATUS_NOW == query.status)
    if query.event_id:
        statement = statement.where(col(Booking.event_id) == query.event_id)
    rows, cursor, by_booking = await _page(session, statement, paging)
    items = [
        booking_public(row.Booking, by_booking.get(row.Booking.id, []), status=row.status_now)
        for row in rows
    ]
    return Page(items=items, next_cursor=cursor)


async def list_event_bookings(
    session: AsyncSession, event_id: UUID, query: BookingQuery, paging: Paging
) -> Page[OrganizerBooking]:
    """The bookings of an event, newest first; for its organizer."""
    statement = _newest_first(paging).where(col(Booking.event_id) == event_id)
    if query.status:
        statement = statement.where(STATUS_NOW == query.status)
    rows, cursor, by_booking = await _page(session, statement, paging)
    items = [
        OrganizerBooking.model_validate(
            _fields(row.Booking, by_booking.get(row.Booking.id, []), row.status_now)
        )
        for row in rows
    ]
    return Page(items=items, next_cursor=cursor)


def _newest_first(paging: Paging) -> Select[Any]:
    """UUIDv7 sorts by time of creation."""
    statement = select(Booking, STATUS_NOW.label("status_now")).order_by(col(Booking.id).desc())
    after = paging.after(UUID)
    return statement.where(col(Booking.id) < after[0]) if after else statement


async def _page(
    session: AsyncSession, statement: Select[Any], paging: Paging
) -> tuple[Sequence[Any], str | None, dict[UUID, list[Ticket]]]:
    found = (await session.execute(statement.limit(paging.limit + 1))).all()
    rows, cursor = paging.page(found, lambda row: (row.Booking.id,))
    by_booking: dict[UUID, list[Ticket]] = {}
    for ticket in await list_tickets(session, [row.Booking.id for row in rows]):
        by_booking.setdefault(ticket.booking_id, []).append(ticket)
    return rows, cursor, by_booking


async def list_tickets(session: AsyncSession, booking_ids: list[UUID]) -> list[Ticket]:
    found = await session.execute(
        select(Ticket)
        .where(col(Ticket.booking_id).in_(booking_ids))
        .order_by(col(Ticket.booking_id), col(Ticket.position))
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

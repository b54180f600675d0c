"""Check-in: each ticket is valid once."""

from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.ticket_codes import normalize_ticket_code
from event_service.checkin.schemas import CheckedInSeat, CheckInPublic
from event_service.events.queries import require_organizer
from event_service.metrics import count_check_in, count_refused_at_desk
from event_service.models import Booking, Seat, Ticket
from event_service.problems import AlreadyCheckedIn, UnknownTicket
from event_service.rules import IS_CONFIRMED


async def check_in(
    session: AsyncSession, event_id: UUID, ticket_code: str, *, owner: UUID | None
) -> CheckInPublic:
    """One of two concurrent scanners succeeds. ``owner`` as in ``require_organizer``.

    Raises AlreadyCheckedIn, and UnknownTicket for a code without a confirmed booking of this event.
    """
    event = await require_organizer(session, event_id, owner)
    try:
        booking, ticket = await lock_ticket(session, event_id, ticket_code)
    except UnknownTicket:
        count_refused_at_desk("unknown-ticket")
        raise
    if ticket.checked_in_at is not None:
        count_refused_at_desk("already-checked-in")
        raise AlreadyCheckedIn(checked_in_at=f"{ticket.checked_in_at:%Y-%m-%dT%H:%M:%S.%fZ}")
    checked_in_at = (await session.execute(select(func.now()))).scalar_one()
    ticket.checked_in_at = checked_in_at
    await session.flush()
    count_check_in("desk")
    return CheckInPublic(
        ticket_code=ticket.code,
        booking_id=ticket.booking_id,
        guest_name=booking.guest_name,
        seat=CheckedInSeat(
            id=ticket.seat_id, section=ticket.section, row=ticket.row_name, number=ticket.number
        ),
        checked_in_at=checked_in_at,
        checked_in=await count_checked_in(session, event_id),
        capacity=event.capacity,
    )


async def undo_check_in(
    session: AsyncSession, event_id: UUID, ticket_code: str, *, owner: UUID | None
) -> None:
    """Safe to repeat. Raises UnknownTicket as ``check_in`` does."""
    await require_organizer(session, event_id, owner)
    _, ticket = await lock_ticket(session, event_id, ticket_code)
    ticket.checked_in_at = None
    await session.flush()


async def count_checked_in(session: AsyncSession, event_id: UUID) -> int:
    """Tickets of the event's confirmed bookings that are checked in."""
    count = await session.scalar(
        select(func.count())
        .select_from(Ticket)
        .join(Booking, col(Booking.id) == col(Ticket.booking_id))
        .where(
            col(Booking.event_id) == event_id, IS_CONFIRMED, col(Ticket.checked_in_at).is_not(None)
        )
    )
    return count or 0


async def lock_ticket(
    session: AsyncSession, event_id: UUID, ticket_code: str
) -> tuple[Booking, Ticket]:
    """The ticket of a confirmed booking, locked with its booking: a cancellation in progress is waited for,
    and the ticket is unknown after it."""
    code = normalize_ticket_code(ticket_code)
    booking = await session.scalar(
        select(Booking)
        .join(Ticket, col(Ticket.booking_id) == col(Booking.id))
        .where(
            col(Ticket.code) == code,
            col(Booking.event_id) == event_id,
            IS_CONFIRMED,
        )
        .with_for_update(read=True, of=Booking)
    )
    return await _lock_ticket(session, booking, col(Ticket.code) == code)


async def lock_ticket_of_seat(
    session: AsyncSession, event_id: UUID, seat_id: UUID
) -> tuple[Booking, Ticket]:
    """As ``lock_ticket``, the ticket of whoever has booked the seat."""
    booking = await session.scalar(
        select(Booking)
        .join(Seat, col(Seat.booking_id) == col(Booking.id))
        .where(col(Seat.id) == seat_id, col(Booking.event_id) == event_id, IS_CONFIRMED)
        .with_for_update(read=True, of=Booking)
    )
    return await _lock_ticket(session, booking, col(Ticket.seat_id) == seat_id)


async def _lock_ticket(
    session: AsyncSession, booking: Booking | None, condition: ColumnElement[bool]
) -> tuple[Booking, Ticket]:
    if booking is None:
        raise UnknownTicket
    ticket = await session.scalar(
        select(Ticket).where(col(Ticket.booking_id) == booking.id, condition).with_for_update()
    )
    if ticket is None:
        raise UnknownTicket
    return booking, ticket

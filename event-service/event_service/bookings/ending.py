"""How a booking ends, or a hold becomes one. Rows are locked in one order everywhere: the event (by
its organizer only), the booking, the person's allowance, the seats."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.messages import booking_message, event_snapshot
from event_service.bookings.queries import booking_public, list_tickets, lock_booking
from event_service.bookings.schemas import BookingPublic
from event_service.errors import BookingEnded, HoldExpired
from event_service.models import (
    Booking,
    Event,
    OutboxMessage,
    Seat,
    SeatAllowance,
    SeatTally,
)
from service_kit.database import affected_rows
from service_kit.ids import new_id
from service_kit.outbox import notification

EXPIRED_PER_SWEEP = 200
EVENT_CANCELLING_TIMEOUT = "SET LOCAL statement_timeout = '60s'"


async def confirm_booking(session: AsyncSession, booking_id: UUID, *, by: UUID) -> BookingPublic:
    """Raises HoldExpired, or BookingEnded for a cancelled one."""
    booking = await lock_booking(session, booking_id, user_id=by)
    tickets = await list_tickets(session, [booking_id])
    if booking.status == "cancelled":
        raise BookingEnded
    if booking.status == "expired":
        raise HoldExpired
    if booking.status == "held":
        kept = await session.execute(
            update(Seat)
            .where(col(Seat.booking_id) == booking_id, col(Seat.held_until) > func.now())
            .values(held_until=None)
        )
        if affected_rows(kept) != booking.quantity:
            raise HoldExpired
        booking.status, booking.expires_at = "confirmed", None
        event = await session.get_one(Event, booking.event_id)
        session.add_all(
            [
                SeatTally(
                    event_id=booking.event_id, held=-booking.quantity, booked=booking.quantity
                ),
                booking_message("booking-confirmed", booking, tickets, event),
            ]
        )
        await session.flush()
    return booking_public(booking, tickets)


async def cancel_booking(
    session: AsyncSession, booking_id: UUID, *, by: UUID, now: datetime
) -> BookingPublic:
    """The seats are free at once; a booking that has ended stays as it is."""
    booking = await lock_booking(session, booking_id, user_id=by)
    tickets = await list_tickets(session, [booking_id])
    if booking.status in ("held", "confirmed"):
        was_confirmed = booking.status == "confirmed"
        await _end(session, booking, "cancelled", now)
        if was_confirmed:
            event = await session.get_one(Event, booking.event_id)
            session.add(
                booking_message("booking-cancelled", booking, tickets, event, reason="guest")
            )
            await session.flush()
    return booking_public(booking, tickets)


async def _end(session: AsyncSession, booking: Booking, status: str, now: datetime) -> None:
    """Gives a held or confirmed booking's seats back. Those of an ended hold that somebody else has
    taken meanwhile point to another booking, and stay there."""
    held = booking.quantity if booking.status == "held" else 0
    booking.status, booking.ended_at, booking.expires_at = status, now, None
    session.add(SeatTally(event_id=booking.event_id, held=-held, booked=-(booking.quantity - held)))
    await session.flush()
    await session.execute(
        update(SeatAllowance)
        .where(
            col(SeatAllowance.event_id) == booking.event_id,
            col(SeatAllowance.user_id) == booking.user_id,
        )
        .values(seats=col(SeatAllowance.seats) - booking.quantity)
    )
    await session.execute(
        update(Seat)
        .where(col(Seat.booking_id) == booking.id)
        .values(booking_id=None, held_until=None)
    )


async def expire_holds(session: AsyncSession, *, now: datetime) -> int:
    """Tidies holds that have ended and tells their guests; how many. For the sweeper."""
    return await _expire(session, now, limit=EXPIRED_PER_SWEEP)


async def expire_holds_of(session: AsyncSession, user_id: UUID, event_id: UUID) -> int:
    """The same for one person's holds of an event, whose allowance they still use up."""
    now = await session.scalar(select(func.now()))
    assert now is not None
    mine = (col(Booking.user_id) == user_id, col(Booking.event_id) == event_id)
    return await _expire(session, now, *mine, limit=EXPIRED_PER_SWEEP)


async def _expire(session: AsyncSession, now: datetime, *conditions: Any, limit: int) -> int:
    found = await session.execute(
        select(Booking)
        .where(col(Booking.status) == "held", col(Booking.expires_at) <= func.now(), *conditions)
        .order_by(col(Booking.expires_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    bookings = list(found.scalars())
    for booking in bookings:
        tickets = await list_tickets(session, [booking.id])
        event = await session.get_one(Event, booking.event_id)
        await _end(session, booking, "expired", now)
        session.add(booking_message("hold-expired", booking, tickets, event))
    await session.flush()
    return len(bookings)


async def cancel_bookings_of_event(session: AsyncSession, event: Event, *, now: datetime) -> None:
    """Ends every booking of a locked event with a few statements, and tells each guest once."""
    await session.execute(text(EVENT_CANCELLING_TIMEOUT))
    ended = await session.execute(
        update(Booking)
        .where(col(Booking.event_id) == event.id, col(Booking.status).in_(("held", "confirmed")))
        .values(status="cancelled", ended_at=now, expires_at=None)
        .returning(col(Booking.id), col(Booking.user_id))
        .execution_options(synchronize_session=False)
    )
    rows = ended.all()
    await session.execute(
        update(SeatAllowance).where(col(SeatAllowance.event_id) == event.id).values(seats=0)
    )
    await session.execute(
        update(Seat)
        .where(col(Seat.event_id) == event.id, col(Seat.booking_id).is_not(None))
        .values(booking_id=None, held_until=None)
    )
    await _restart_tally(session, event.id)
    _tell_each_guest(session, event, rows)
    await session.flush()


async def _restart_tally(session: AsyncSession, event_id: UUID) -> None:
    """Nothing is held or booked any more: one row that makes the sum zero. No booking can add to
    it meanwhile, since the event is locked; the fold keeps sums as they are."""
    sums = await session.execute(
        select(func.sum(SeatTally.held), func.sum(SeatTally.booked)).where(
            col(SeatTally.event_id) == event_id
        )
    )
    held, booked = sums.one()
    session.add(SeatTally(id=new_id(), event_id=event_id, held=-(held or 0), booked=-(booked or 0)))


def _tell_each_guest(session: AsyncSession, event: Event, bookings: Sequence[Any]) -> None:
    by_guest: dict[UUID, list[str]] = {}
    for booking_id, user_id in bookings:
        by_guest.setdefault(user_id, []).append(str(booking_id))
    for user_id, booking_ids in by_guest.items():
        session.add(
            notification(
                OutboxMessage,
                topic="event.cancelled.v1",
                kind="event-cancelled",
                user_id=user_id,
                dedup_key=f"event-cancelled:{event.id}:{user_id}",
                data={
                    "event_id": str(event.id),
                    "event": event_snapshot(event),
                    "booking_ids": booking_ids,
                    "reason": event.cancel_reason,
                },
            )
        )

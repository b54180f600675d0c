"""Cancelling one booking, or all bookings of an event."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.queries import (
    list_checked_in_seats,
    lock_booking,
    lock_event_of_booking,
    show_booking,
)
from event_service.bookings.representation import Json
from event_service.bookings.transitions import add_booking_messages, end_bookings
from event_service.models import Booking, Event, Seat, SeatAllowance, SeatTally, WaitlistEntry
from event_service.problems import CancellationClosed, CheckedIn
from event_service.rules import (
    CANCELLABLE,
    booking_may_become,
    can_cancel,
    cancellation_deadline,
)
from event_service.statuses import BookingStatus
from service_kit.ids import new_id


async def cancel_booking(
    session: AsyncSession, booking_id: UUID, *, by: UUID, now: datetime, offer_for: timedelta
) -> Json:
    """Frees the seats, or holds them for those who wait; a booking that has ended stays as it is.

    Raises CheckedIn and CancellationClosed for a confirmed booking.
    """
    event = await lock_event_of_booking(session, booking_id, user_id=by, frees_seats=True)
    booking = await lock_booking(session, booking_id, user_id=by)
    was_confirmed = booking.status == BookingStatus.CONFIRMED
    if was_confirmed:
        seat_ids = await list_checked_in_seats(session, booking_id)
        _check_may_cancel(booking, event, seat_ids, now)
    if booking_may_become(booking.status, BookingStatus.CANCELLED):
        await end_bookings(
            session, event, [booking], BookingStatus.CANCELLED, now=now, offer_for=offer_for
        )
    if was_confirmed:
        await add_booking_messages(
            session, "booking-cancelled", [booking], event, cancelled_by="guest"
        )
    return await show_booking(session, booking_id)


def _check_may_cancel(
    booking: Booking, event: Event, checked_in: Sequence[UUID], now: datetime
) -> None:
    """Raises CheckedIn or CancellationClosed. The booking is locked, and check-in takes a share lock on
    it: ``checked_in`` cannot change any more."""
    if can_cancel(booking.status, event, now, is_checked_in=bool(checked_in)):
        return
    if checked_in:
        raise CheckedIn(
            "Somebody was let in with it. Only the organizer can undo a check-in.",
            seat_ids=[str(seat_id) for seat_id in checked_in],
        )
    deadline = cancellation_deadline(event)
    raise CancellationClosed(
        "Bookings of this event could be cancelled until its deadline. Ask the organizer.",
        cancellation_deadline=f"{deadline:%Y-%m-%dT%H:%M:%S.%fZ}",
    )


async def cancel_bookings_of_event(session: AsyncSession, event: Event, *, now: datetime) -> None:
    """Cancels all bookings of a locked event and removes its waitlist, in a fixed number of statements.
    The caller writes the messages before."""
    await session.execute(
        update(Booking)
        .where(col(Booking.event_id) == event.id, col(Booking.status).in_(CANCELLABLE))
        .values(status=BookingStatus.CANCELLED, ended_at=now, expires_at=None)
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        delete(WaitlistEntry)
        .where(col(WaitlistEntry.event_id) == event.id)
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        update(SeatAllowance)
        .where(col(SeatAllowance.event_id) == event.id, col(SeatAllowance.seats) != 0)
        .values(seats=0)
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        update(Seat)
        .where(col(Seat.event_id) == event.id, col(Seat.booking_id).is_not(None))
        .values(booking_id=None, held_until=None)
        .execution_options(synchronize_session=False)
    )
    await _reset_tally(session, event.id)
    await session.flush()


async def _reset_tally(session: AsyncSession, event_id: UUID) -> None:
    """Adds one row that makes the sums zero. The event is locked, so that no booking adds to them
    meanwhile; folding does not change them."""
    sums = await session.execute(
        select(func.sum(SeatTally.held), func.sum(SeatTally.booked)).where(
            col(SeatTally.event_id) == event_id
        )
    )
    held, booked = sums.one()
    session.add(SeatTally(id=new_id(), event_id=event_id, held=-(held or 0), booked=-(booked or 0)))

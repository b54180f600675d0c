"""Cancelling a booking, some of its seats, or all bookings of an event."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.messages import SEATS_IN_MESSAGE, seat_snapshot
from event_service.bookings.offers import lock_waitlist, offer_free_seats
from event_service.bookings.queries import get_booking, lock_event_of_booking
from event_service.bookings.representation import Json
from event_service.bookings.sql import statements
from event_service.bookings.transitions import add_booking_messages, end_bookings, lock_booking
from event_service.metrics import HOLDS_CANCELLED
from event_service.models import Booking, Event, Seat, SeatAllowance, SeatTally, WaitlistEntry
from event_service.problems import CancellationClosed, CheckedIn
from event_service.rules import (
    CANCELLABLE,
    booking_may_become,
    can_cancel,
    cancellation_deadline,
)
from event_service.statuses import BookingStatus
from service_kit.database.engine import sql_connection
from service_kit.database.sql_files import Record, SqlConnection
from service_kit.ids import new_id
from service_kit.metrics import count
from service_kit.problems import InvalidRequest


async def cancel_booking(
    session: AsyncSession,
    booking_id: UUID,
    *,
    by: UUID,
    now: datetime,
    offer_for: timedelta,
    seat_ids: Sequence[UUID] | None = None,
) -> Json:
    """Cancels the booking, or the named seats of it: they are free, or held for those who wait.

    Returns the booking. What has ended already stays as it is, so that it is safe to repeat. Raises
    CheckedIn and CancellationClosed for a confirmed booking, InvalidRequest for seats that never were the
    booking's.
    """
    event = await lock_event_of_booking(session, booking_id, user_id=by, frees_seats=True)
    connection = await sql_connection(session)
    booking = await lock_booking(connection, booking_id, user_id=by)
    tickets = None
    if seat_ids is not None:
        tickets = await _find_tickets(connection, booking_id, seat_ids)
    if tickets is None or len(tickets) == booking.quantity:
        await _cancel_all(connection, event, booking, now=now, offer_for=offer_for)
    elif tickets:
        await _cancel_some(connection, event, booking, tickets, now=now, offer_for=offer_for)
    return await get_booking(session, booking_id, user_id=by)


async def _find_tickets(
    connection: SqlConnection, booking_id: UUID, seat_ids: Sequence[UUID]
) -> list[Record]:
    """The tickets of these seats that are not cancelled yet."""
    tickets = await statements.find_tickets.rows(
        connection, booking_id=booking_id, seat_ids=seat_ids
    )
    if len(tickets) < len(seat_ids):
        raise InvalidRequest.field("seat_ids", "A seat is not of this booking.")
    return [ticket for ticket in tickets if not ticket.is_cancelled]


async def _cancel_all(
    connection: SqlConnection,
    event: Event,
    booking: Record,
    *,
    now: datetime,
    offer_for: timedelta,
) -> None:
    if not booking_may_become(booking.status, BookingStatus.CANCELLED):
        return
    is_confirmed = booking.status == BookingStatus.CONFIRMED
    if is_confirmed:
        checked_in = await list_checked_in_seats(connection, booking.id)
        _check_may_cancel(booking, event, checked_in, now)
    await end_bookings(
        connection, event, [booking.id], BookingStatus.CANCELLED, now=now, offer_for=offer_for
    )
    if is_confirmed:
        await add_booking_messages(
            connection, "booking-cancelled", [booking.id], event, cancelled_by="guest"
        )
    else:
        count(HOLDS_CANCELLED.labels("given-up"))


async def _cancel_some(
    connection: SqlConnection,
    event: Event,
    booking: Record,
    tickets: Sequence[Record],
    *,
    now: datetime,
    offer_for: timedelta,
) -> None:
    """The booking keeps at least one seat. A hold that has lapsed keeps all, as one that has ended."""
    if not booking_may_become(booking.status_now, BookingStatus.CANCELLED):
        return
    is_confirmed = booking.status == BookingStatus.CONFIRMED
    if is_confirmed:
        checked_in = [ticket.seat_id for ticket in tickets if ticket.checked_in_at]
        _check_may_cancel(booking, event, checked_in, now)
    seat_ids = [ticket.seat_id for ticket in tickets]
    await statements.cancel_tickets.run(
        connection, booking_id=booking.id, seat_ids=seat_ids, tally_id=new_id()
    )
    offer_ends = await lock_waitlist(connection, event.id, offer_for=offer_for)
    await statements.lower_allowances.run(
        connection, event_id=event.id, user_ids=[booking.user_id], quantities=[len(seat_ids)]
    )
    await statements.free_cancelled_seats.run(connection, booking_id=booking.id, seat_ids=seat_ids)
    if offer_ends:
        await offer_free_seats(connection, event, until=offer_ends)
    if is_confirmed:
        await add_booking_messages(
            connection,
            "seats-cancelled",
            [booking.id],
            event,
            # A booking only loses seats: it has so many left once.
            key_suffix=f":{booking.quantity - len(seat_ids)}",
            cancelled_seats=[seat_snapshot(ticket) for ticket in tickets[:SEATS_IN_MESSAGE]],
            cancelled_quantity=len(seat_ids),
            cancelled_by="guest",
        )


async def list_checked_in_seats(connection: SqlConnection, booking_id: UUID) -> list[UUID]:
    """The seats of a locked booking whose tickets were used."""
    rows = await statements.list_checked_in_seats.rows(connection, booking_id=booking_id)
    return [row.seat_id for row in rows]


def _check_may_cancel(
    booking: Record, event: Event, checked_in: Sequence[UUID], now: datetime
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
    holds = await session.scalar(
        select(func.count())
        .select_from(Booking)
        .where(col(Booking.event_id) == event.id, col(Booking.status) == BookingStatus.HELD)
    )
    count(HOLDS_CANCELLED.labels("event-cancelled"), holds or 0)
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

"""Confirming a hold."""

from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings import statements
from event_service.bookings.queries import lock_booking, lock_event_of_booking, show_booking
from event_service.bookings.representation import Json
from event_service.bookings.transitions import add_booking_messages
from event_service.models import SeatTally, WaitlistEntry
from event_service.problems import BookingEnded, HoldExpired, SalesClosed
from event_service.rules import booking_may_become, is_active
from event_service.statuses import BookingStatus
from service_kit.clock import utc_now
from service_kit.database.engine import affected_rows


async def confirm_booking(session: AsyncSession, booking_id: UUID, *, by: UUID) -> Json:
    """Returns the booking; one that is confirmed stays as it is.

    Raises HoldExpired, BookingEnded if it was cancelled, SalesClosed if the event was cancelled or is
    over.
    """
    event = await lock_event_of_booking(session, booking_id, user_id=by)
    booking = await lock_booking(session, booking_id, user_id=by)
    if booking.status == BookingStatus.CANCELLED:
        raise BookingEnded
    if booking.status == BookingStatus.EXPIRED:
        raise HoldExpired
    if booking_may_become(booking.status, BookingStatus.CONFIRMED):
        if not is_active(event, utc_now()):
            raise SalesClosed
        # A waitlist offer that is accepted ends the waiting; its allowance stays with the booking.
        await session.execute(
            delete(WaitlistEntry).where(col(WaitlistEntry.booking_id) == booking_id)
        )
        seats = await session.execute(statements.KEEP_SEATS, {"booking_id": booking_id})
        if affected_rows(seats) != booking.quantity:
            raise HoldExpired
        booking.status, booking.expires_at = BookingStatus.CONFIRMED, None
        booking.confirmed_at = utc_now()
        session.add(SeatTally(event_id=event.id, held=-booking.quantity, booked=booking.quantity))
        await add_booking_messages(session, "booking-confirmed", [booking], event)
    return await show_booking(session, booking_id)

"""Confirming a hold."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.queries import get_booking, lock_event_of_booking
from event_service.bookings.representation import Json
from event_service.bookings.sql import statements
from event_service.bookings.transitions import add_booking_messages, lock_booking
from event_service.metrics import HOLDS_CONFIRMED
from event_service.problems import BookingEnded, EventChanged, HoldExpired, SalesClosed
from event_service.rules import booking_may_become, has_same_terms, is_active
from event_service.statuses import BookingStatus
from service_kit.clock import utc_now
from service_kit.database.engine import sql_connection
from service_kit.ids import new_id
from service_kit.metrics import count


async def confirm_booking(
    session: AsyncSession, booking_id: UUID, *, by: UUID, event_version: int | None = None
) -> Json:
    """Returns the booking; one that is confirmed stays as it is.

    Raises HoldExpired, BookingEnded if it was cancelled, SalesClosed if the event was cancelled or is
    over, EventChanged if its terms are not those of ``event_version``.
    """
    event = await lock_event_of_booking(session, booking_id, user_id=by)
    connection = await sql_connection(session)
    booking = await lock_booking(connection, booking_id, user_id=by)
    if booking.status == BookingStatus.CANCELLED:
        raise BookingEnded
    if booking.status == BookingStatus.EXPIRED:
        raise HoldExpired
    if booking_may_become(booking.status, BookingStatus.CONFIRMED):
        if not is_active(event, utc_now()):
            raise SalesClosed
        if event_version and not has_same_terms(event, event_version):
            raise EventChanged
        kept = await statements.keep_seats.run(connection, booking_id=booking_id)
        if kept != booking.quantity:
            raise HoldExpired
        count(HOLDS_CONFIRMED)
        await statements.confirm_hold.run(
            connection, booking_id=booking_id, status=BookingStatus.CONFIRMED, tally_id=new_id()
        )
        await add_booking_messages(connection, "booking-confirmed", [booking_id], event)
    return await get_booking(session, booking_id, user_id=by)

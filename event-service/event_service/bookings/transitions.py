"""What every change of a booking's status has in common: seats, allowances, counts and messages.

Rows are locked in one order everywhere: the event, the bookings, the first waitlist entry, the
allowances, the seats; see Design notes in ../../README.md.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings import statements
from event_service.bookings.messages import SEATS_IN_MESSAGE, booking_message
from event_service.bookings.offers import lock_waitlist, offer_free_seats
from event_service.bookings.queries import list_first_tickets
from event_service.models import Booking, Event, OutboxMessage, SeatTally, WaitlistEntry
from event_service.statuses import BookingStatus
from service_kit.messaging.contract import Kind


async def end_bookings(
    session: AsyncSession,
    event: Event,
    bookings: Sequence[Booking],
    status: BookingStatus,
    *,
    now: datetime,
    offer_for: timedelta,
) -> int:
    """Gives held or confirmed bookings their last status, frees their seats and offers free seats to
    those who wait. Returns the number of offers.

    Seats of a lapsed hold that somebody else has booked meanwhile stay booked.
    """
    held = sum(booking.quantity for booking in bookings if booking.status == BookingStatus.HELD)
    booked = sum(booking.quantity for booking in bookings) - held
    seats_by_user: Counter[UUID] = Counter()
    for booking in bookings:
        booking.status, booking.ended_at, booking.expires_at = status, now, None
        seats_by_user[booking.user_id] += booking.quantity
    session.add(SeatTally(event_id=event.id, held=-held, booked=-booked))
    await session.flush()
    booking_ids = [booking.id for booking in bookings]
    # A waitlist offer that is given up or lapses takes its entry with it.
    await session.execute(
        delete(WaitlistEntry).where(col(WaitlistEntry.booking_id).in_(booking_ids))
    )
    offer_ends = await lock_waitlist(session, event.id, offer_for=offer_for)
    await session.execute(
        statements.LOWER_ALLOWANCES,
        {
            "event_id": event.id,
            "user_ids": list(seats_by_user),
            "seats": list(seats_by_user.values()),
        },
    )
    await session.execute(statements.FREE_SEATS, {"booking_ids": booking_ids})
    return await offer_free_seats(session, event, until=offer_ends) if offer_ends else 0


async def add_booking_messages(
    session: AsyncSession, kind: Kind, bookings: Sequence[Booking], event: Event, **more: Any
) -> None:
    """One message to the guest of each booking, with its first tickets."""
    tickets = await list_first_tickets(
        session, [booking.id for booking in bookings], limit=SEATS_IN_MESSAGE
    )
    session.add_all(
        booking_message(OutboxMessage, kind, booking, tickets[booking.id], event, **more)
        for booking in bookings
    )
    await session.flush()

"""Seats that come free become a hold for the first in line whose group fits, in the transaction
that frees them.

The order of locks: the event (FOR SHARE by whoever frees seats, FOR NO KEY UPDATE by whoever joins
or leaves the line; bookings' KEY SHARE is in nobody's way), the bookings, the first who waits, the
allowances, the seats. What somebody waits for is part of their allowance already, so that an offer
locks none.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.messages import event_snapshot
from event_service.bookings.writing import NewBooking, NewMessage, new_tickets, write_booking
from event_service.models import Event
from event_service.waitlist import statements
from service_kit.ids import new_id
from service_kit.messaging.outbox import notification

# One transaction's work has an end; the sweeper goes on at once.
OFFERS_PER_RELEASE = 200


async def lock_line(
    session: AsyncSession, event_id: UUID, *, offer_for: timedelta
) -> datetime | None:
    """When an offer made now would end; None if nobody waits or the event is not on sale."""
    parameters = {"event_id": event_id, "offer_for": offer_for}
    ends: datetime | None = await session.scalar(statements.LOCK_LINE, parameters)
    return ends


async def offer_what_is_free(session: AsyncSession, event: Event, *, offer_for: timedelta) -> int:
    """How many offers were made. The event is locked."""
    ends = await lock_line(session, event.id, offer_for=offer_for)
    return await offer_free_seats(session, event, until=ends) if ends else 0


async def offer_free_seats(session: AsyncSession, event: Event, *, until: datetime) -> int:
    """How many offers were made. The line is locked."""
    found = await session.execute(
        statements.LOCK_FREE_SEATS,
        {"event_id": event.id, "price": event.price, "groups": OFFERS_PER_RELEASE},
    )
    seats = found.all()
    for made in range(OFFERS_PER_RELEASE):
        group = await _first_that_fits(session, event.id, len(seats))
        if group is None:
            return made
        await _offer(session, event, group, seats[: group.quantity], until)
        seats = seats[group.quantity :]
    return OFFERS_PER_RELEASE


async def _first_that_fits(session: AsyncSession, event_id: UUID, seats: int) -> Any:
    if not seats:
        return None
    parameters = {"event_id": event_id, "seats": seats}
    return (await session.execute(statements.FIRST_THAT_FITS, parameters)).one_or_none()


async def _offer(
    session: AsyncSession, event: Event, group: Any, seats: Sequence[Any], until: datetime
) -> None:
    booking = NewBooking(
        id=new_id(),
        event_id=event.id,
        user_id=group.user_id,
        status="held",
        quantity=group.quantity,
        total=sum(seat.price for seat in seats),
        currency=event.currency,
        expires_at=until,
    )
    await session.execute(
        statements.GIVE_SEATS,
        {
            "booking_id": booking.id,
            "held_until": until,
            "seat_ids": [seat.id for seat in seats],
        },
    )
    await write_booking(session, booking, new_tickets(seats), _offer_message(booking, event, until))
    await session.execute(
        statements.MARK_OFFERED,
        {"event_id": event.id, "place": group.place, "booking_id": booking.id},
    )


def _offer_message(booking: NewBooking, event: Event, until: datetime) -> NewMessage:
    return notification(
        NewMessage,
        topic="waitlist.offered.v1",
        kind="waitlist-offer",
        user_id=booking.user_id,
        dedup_key=f"waitlist-offer:{booking.id}",
        data={
            "event_id": str(event.id),
            "event": event_snapshot(event),
            "booking_id": str(booking.id),
            "quantity": booking.quantity,
            "expires_at": until.isoformat(),
        },
        version=event.version,
    )

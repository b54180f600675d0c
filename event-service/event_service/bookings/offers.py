"""Offering free seats to the waitlist: the transaction that frees seats holds them for the first group
that fits.

Lock order: the event (FOR SHARE by transactions that free seats, FOR NO KEY UPDATE by those that change
the waitlist; neither conflicts with the KEY SHARE of bookings), the bookings, the first waitlist entry,
the allowances, the seats. An entry already counts towards its person's allowance, so that an offer
locks no allowance.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings import waitlist_statements as statements
from event_service.bookings.insert import NewBooking, insert_bookings, new_tickets
from event_service.bookings.messages import event_snapshot
from event_service.bookings.sql import statements as sql
from event_service.models import Event
from event_service.statuses import BookingStatus
from service_kit.clock import utc_now
from service_kit.database.engine import sql_connection
from service_kit.database.sql_files import SqlConnection
from service_kit.ids import new_id
from service_kit.messaging.notifications import notification

# Bounds one transaction; the sweeper makes the next offers.
OFFERS_PER_RELEASE = 200


async def is_waitlist_due(connection: SqlConnection, event_id: UUID) -> bool:
    """Whether seats can be offered to somebody who waits."""
    return bool(await sql.is_waitlist_due.value(connection, event_id=event_id))


async def lock_waitlist(
    session: AsyncSession, event_id: UUID, *, offer_for: timedelta
) -> datetime | None:
    """Returns when an offer made now would end; None if nobody waits or the event is not on sale."""
    parameters = {"event_id": event_id, "offer_for": offer_for}
    ends: datetime | None = await session.scalar(statements.LOCK_WAITLIST, parameters)
    return ends


async def lock_waitlist_and_offer_seats(
    session: AsyncSession, event: Event, *, offer_for: timedelta
) -> int:
    """Returns the number of offers. The event is locked."""
    ends = await lock_waitlist(session, event.id, offer_for=offer_for)
    return await offer_free_seats(session, event, until=ends) if ends else 0


async def offer_free_seats(session: AsyncSession, event: Event, *, until: datetime) -> int:
    """Returns the number of offers. The waitlist is locked."""
    rows = await session.execute(
        statements.LOCK_FREE_SEATS,
        {"event_id": event.id, "price": event.price, "groups": OFFERS_PER_RELEASE},
    )
    seats = rows.all()
    for offers in range(OFFERS_PER_RELEASE):
        group = await _find_first_group(session, event.id, len(seats))
        if group is None:
            return offers
        await _offer(session, event, group, seats[: group.quantity], until)
        seats = seats[group.quantity :]
    return OFFERS_PER_RELEASE


async def _find_first_group(session: AsyncSession, event_id: UUID, seats: int) -> Any:
    if not seats:
        return None
    parameters = {"event_id": event_id, "seats": seats}
    return (await session.execute(statements.FIND_FIRST_GROUP, parameters)).one_or_none()


async def _offer(
    session: AsyncSession, event: Event, group: Any, seats: Sequence[Any], until: datetime
) -> None:
    booking = NewBooking(
        id=new_id(),
        event_id=event.id,
        user_id=group.user_id,
        status=BookingStatus.HELD,
        quantity=group.quantity,
        total=sum(seat.price for seat in seats),
        currency=event.currency,
        expires_at=until,
        guest_name=group.guest_name,
        created_at=utc_now(),
        tickets=new_tickets(seats),
    )
    booking.message = _offer_message(booking, event, until)
    await insert_bookings(await sql_connection(session), [booking])
    await session.execute(
        statements.MARK_OFFERED,
        {"event_id": event.id, "place": group.place, "booking_id": booking.id},
    )


def _offer_message(booking: NewBooking, event: Event, until: datetime) -> dict[str, Any]:
    return notification(
        dict,
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

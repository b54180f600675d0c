"""Joining and leaving the waitlist.

Both lock the event against transactions that free seats: no seat can become free unnoticed between "not
enough seats are free" and "the entry is stored". Bookings are not blocked.
"""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.cancel import cancel_booking
from event_service.bookings.expire import release_expired_holds
from event_service.bookings.schemas import MAX_SEATS_PER_BOOKING
from event_service.bookings.sql import statements
from event_service.bookings.waitlist.queries import find_entry, get_own_entry, remove_entry
from event_service.bookings.waitlist.schemas import WaitlistEntryPublic
from event_service.erased_users import refuse_erased
from event_service.models import Event, WaitlistEntry
from event_service.problems import (
    AlreadyWaiting,
    NeverAvailable,
    SalesClosed,
    SeatLimitReached,
    SeatsAvailable,
)
from event_service.rules import is_on_sale, may_see
from service_kit.database.engine import Database, sql_connection
from service_kit.problems import NotFound


class _LapsedHoldInTheWay(Exception):
    """The person is at the limit or has an earlier offer; holds that have lapsed may be the reason."""


async def join(
    database: Database,
    event_id: UUID,
    quantity: int,
    *,
    by: UUID,
    offer_for: timedelta,
    guest_name: str | None = None,
) -> WaitlistEntryPublic:
    """``guest_name``: of the booking that an offer makes.

    Raises SalesClosed, AlreadyWaiting, NeverAvailable, SeatsAvailable, SeatLimitReached.
    """
    try:
        return await database.run(partial(_join, event_id, quantity, by, guest_name))
    except _LapsedHoldInTheWay:
        pass
    # The sweeper may have expired the holds first; what counts is whether the seats are allowed now.
    release = partial(
        release_expired_holds, user_id=by, event_id=event_id, seats=quantity, offer_for=offer_for
    )
    if await database.run(release):
        return await join(
            database, event_id, quantity, by=by, offer_for=offer_for, guest_name=guest_name
        )
    raise SeatLimitReached("Seats that you have booked, hold or wait for count together.")


async def _join(
    event_id: UUID, quantity: int, user_id: UUID, guest_name: str | None, session: AsyncSession
) -> WaitlistEntryPublic:
    event = await _lock_event(session, event_id, user_id)
    await refuse_erased(session, user_id)
    # By PostgreSQL's clock, which also decides what may be booked.
    now = (await session.execute(select(func.now()))).scalar_one()
    if not is_on_sale(event, now):
        raise SalesClosed
    entry = await find_entry(session, event_id, user_id)
    if entry:
        raise AlreadyWaiting if entry[1] else _LapsedHoldInTheWay
    _check_is_possible(event, quantity)
    connection = await sql_connection(session)
    available: int = await statements.count_free_seats.value(connection, event_id=event_id)
    if available >= quantity:
        raise SeatsAvailable(available=available)
    session.add(
        WaitlistEntry(event_id=event_id, user_id=user_id, quantity=quantity, guest_name=guest_name)
    )
    await session.flush()
    is_allowed = await statements.add_to_allowance.run(
        connection,
        event_id=event_id,
        user_id=user_id,
        seats=quantity,
        max_seats=event.max_seats_per_user,
    )
    if not is_allowed:
        raise _LapsedHoldInTheWay
    return await get_own_entry(session, event_id, user_id=user_id)


def _check_is_possible(event: Event, quantity: int) -> None:
    """Raises NeverAvailable for an entry that no number of cancellations could serve."""
    most = min(event.capacity, event.max_seats_per_user, MAX_SEATS_PER_BOOKING)
    if quantity <= most:
        return
    if quantity > event.capacity:
        raise NeverAvailable(f"The event has {event.capacity} seats. Wait for fewer.", most=most)
    if quantity <= event.max_seats_per_user:
        raise NeverAvailable(f"A booking may have {most} seats. Wait for fewer.", most=most)
    raise NeverAvailable(
        f"One person may have {event.max_seats_per_user} seats of this event. Wait for fewer.",
        most=most,
    )


async def leave(
    session: AsyncSession, event_id: UUID, *, by: UUID, now: datetime, offer_for: timedelta
) -> None:
    """Removes the entry; an offer is cancelled, and its seats are offered to the next."""
    await _lock_event(session, event_id, by)
    found = await find_entry(session, event_id, by)
    if found is None or not found[1]:
        raise NotFound
    entry = found[0]
    if entry.booking_id:
        await cancel_booking(session, entry.booking_id, by=by, now=now, offer_for=offer_for)
        return
    if not await remove_entry(await sql_connection(session), event_id, by):
        raise NotFound


async def _lock_event(session: AsyncSession, event_id: UUID, user_id: UUID) -> Event:
    """Conflicts with transactions that free seats, join or leave, but not with bookings."""
    rows = await session.execute(
        select(Event).where(col(Event.id) == event_id).with_for_update(key_share=True)
    )
    event: Event | None = rows.scalar_one_or_none()
    if event is None or not may_see(event, user_id):
        raise NotFound
    return event

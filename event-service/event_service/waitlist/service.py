"""Joining and leaving the line. Both lock the event against whoever frees seats, so that no seat
comes free unseen between "not enough are free" and "you are in line"; bookings go on meanwhile."""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.ending import cancel_booking, make_room
from event_service.bookings.schemas import MAX_SEATS_PER_BOOKING
from event_service.erasures.queries import refuse_erased
from event_service.errors import (
    AlreadyWaiting,
    NeverAvailable,
    SalesClosed,
    SeatLimitReached,
    SeatsAvailable,
)
from event_service.events.queries import count_free_seats
from event_service.models import Event, WaitlistEntry
from event_service.waitlist.queries import IS_ON_SALE, find_entry, get_place, remove_entry
from event_service.waitlist.schemas import WaitlistPlace
from event_service.waitlist.statements import ADD_TO_ALLOWANCE
from service_kit.database.engine import Database
from service_kit.database.errors import constraint_name
from service_kit.problems import NotFound


class _OwnHoldsLapsed(Exception):
    """An offer or hold of one's own has ended and still stands in the way."""


async def join(
    database: Database, event_id: UUID, quantity: int, *, by: UUID, offer_for: timedelta
) -> WaitlistPlace:
    """Raises SalesClosed, AlreadyWaiting, NeverAvailable, SeatsAvailable, SeatLimitReached."""
    try:
        return await database.run(partial(_join, event_id, quantity, by))
    except _OwnHoldsLapsed:
        pass
    except IntegrityError as error:
        if constraint_name(error) != "ck_seat_allowance_limit":
            raise
    # The sweeper may have been there first: what counts is that they may have the seats now.
    room = partial(make_room, user_id=by, event_id=event_id, seats=quantity, offer_for=offer_for)
    if await database.run(room):
        return await join(database, event_id, quantity, by=by, offer_for=offer_for)
    raise SeatLimitReached("Seats that you have booked, hold or wait for count together.")


async def _join(
    event_id: UUID, quantity: int, user_id: UUID, session: AsyncSession
) -> WaitlistPlace:
    event = await _lock_event(session, event_id, user_id)
    await refuse_erased(session, user_id)
    if not await session.scalar(select(IS_ON_SALE).where(col(Event.id) == event_id)):
        raise SalesClosed
    known = await find_entry(session, event_id, user_id)
    if known:
        raise AlreadyWaiting if known[1] else _OwnHoldsLapsed
    _refuse_what_can_never_be(event, quantity)
    available = await count_free_seats(session, event_id)
    if available >= quantity:
        raise SeatsAvailable(available=available)
    session.add(WaitlistEntry(event_id=event_id, user_id=user_id, quantity=quantity))
    await session.flush()
    await session.execute(
        ADD_TO_ALLOWANCE,
        {
            "event_id": event_id,
            "user_id": user_id,
            "seats": quantity,
            "max_seats": event.max_seats_per_user,
        },
    )
    return await get_place(session, event_id, user_id=user_id)


def _refuse_what_can_never_be(event: Event, quantity: int) -> None:
    """Raises NeverAvailable: an entry that no cancellation could serve would stand in line for ever."""
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
    """With an offer, that is cancelled, and its seats go to the next."""
    await _lock_event(session, event_id, by)
    known = await find_entry(session, event_id, by)
    if known is None or not known[1]:
        raise NotFound
    entry = known[0]
    if entry.booking_id:
        await cancel_booking(session, entry.booking_id, by=by, now=now, offer_for=offer_for)
        return
    if not await remove_entry(session, event_id, by):
        raise NotFound


async def _lock_event(session: AsyncSession, event_id: UUID, user_id: UUID) -> Event:
    """Against everybody who frees seats, joins or leaves, but not against bookings."""
    found = await session.execute(
        select(Event).where(col(Event.id) == event_id).with_for_update(key_share=True)
    )
    event: Event | None = found.scalar_one_or_none()
    if event is None or (event.status == "draft" and event.organizer_id != user_id):
        raise NotFound
    return event

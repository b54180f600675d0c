"""Ending holds whose time is over."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.offers import lock_waitlist_and_offer_seats
from event_service.bookings.queries import has_allowance
from event_service.bookings.transitions import add_booking_messages, end_bookings
from event_service.models import Booking, Event
from event_service.rules import HAS_LAPSED
from event_service.statuses import BookingStatus
from service_kit.clock import utc_now

HOLDS_PER_BATCH = 200


async def expire_holds_and_offer_seats(
    session: AsyncSession,
    event_id: UUID,
    *,
    now: datetime,
    offer_for: timedelta,
    skip_locked: bool = False,
) -> int:
    """Expires the lapsed holds of an event with a message to each guest, and offers free seats to those
    who wait. Returns how many holds and offers that were.

    ``skip_locked`` leaves rows that others have locked for later, as the sweeper does; otherwise it
    waits for them.
    """
    event = await session.scalar(
        select(Event)
        .where(col(Event.id) == event_id)
        .with_for_update(read=True, skip_locked=skip_locked)
    )
    if event is None:
        return 0
    holds = await lock_lapsed_holds(session, event_id, skip_locked=skip_locked)
    if holds:
        return await _expire(session, event, holds, now=now, offer_for=offer_for)
    return await lock_waitlist_and_offer_seats(session, event, offer_for=offer_for)


async def release_expired_holds(
    session: AsyncSession, *, user_id: UUID, event_id: UUID, seats: int, offer_for: timedelta
) -> bool:
    """Expires one person's lapsed holds; returns whether that person may have ``seats`` more then."""
    await expire_holds_of_user(session, user_id, event_id, now=utc_now(), offer_for=offer_for)
    return await has_allowance(session, user_id, event_id, seats)


async def expire_holds_of_user(
    session: AsyncSession, user_id: UUID, event_id: UUID, *, now: datetime, offer_for: timedelta
) -> None:
    """Expires one person's lapsed holds of an event, which still count towards their limit."""
    event = await session.scalar(
        select(Event).where(col(Event.id) == event_id).with_for_update(read=True)
    )
    holds = await lock_lapsed_holds(
        session, event_id, col(Booking.user_id) == user_id, skip_locked=False
    )
    if event and holds:
        await _expire(session, event, holds, now=now, offer_for=offer_for)


async def lock_lapsed_holds(
    session: AsyncSession, event_id: UUID, *conditions: Any, skip_locked: bool
) -> list[Booking]:
    """The first HOLDS_PER_BATCH of them, by the time of their end."""
    holds = await session.execute(
        select(Booking)
        .where(col(Booking.event_id) == event_id, HAS_LAPSED, *conditions)
        .order_by(col(Booking.expires_at), col(Booking.id))
        .limit(HOLDS_PER_BATCH)
        .with_for_update(skip_locked=skip_locked)
    )
    return list(holds.scalars())


async def _expire(
    session: AsyncSession,
    event: Event,
    holds: list[Booking],
    *,
    now: datetime,
    offer_for: timedelta,
) -> int:
    offers = await end_bookings(
        session, event, holds, BookingStatus.EXPIRED, now=now, offer_for=offer_for
    )
    await add_booking_messages(session, "hold-expired", holds, event)
    return len(holds) + offers

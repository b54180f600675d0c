"""Ending holds whose time is over."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.offers import lock_waitlist_and_offer_seats
from event_service.bookings.queries import has_allowance
from event_service.bookings.sql import statements
from event_service.bookings.transitions import add_booking_messages, end_bookings
from event_service.metrics import HOLDS_EXPIRED
from event_service.models import Event
from event_service.statuses import BookingStatus
from service_kit.clock import utc_now
from service_kit.database.engine import sql_connection
from service_kit.database.sql_files import Record, SqlConnection
from service_kit.metrics import count

# Bounds one transaction, whose number of statements does not depend on it.
HOLDS_PER_BATCH = 1_000


async def expire_holds_and_offer_seats(
    session: AsyncSession,
    event_id: UUID,
    *,
    now: datetime,
    offer_for: timedelta,
    skip_locked: bool = False,
) -> int:
    """Expires the first HOLDS_PER_BATCH lapsed holds of an event with a message to each guest, and offers
    free seats to those who wait. Returns how many holds and offers that were.

    ``skip_locked`` leaves rows that others have locked for later, as the sweeper does; otherwise it
    waits for them.
    """
    event = await _lock_event(session, event_id, skip_locked=skip_locked)
    if event is None:
        return 0
    connection = await sql_connection(session)
    lock = statements.lock_unlocked_lapsed_holds if skip_locked else statements.lock_lapsed_holds
    holds = await lock.rows(connection, event_id=event_id, holds=HOLDS_PER_BATCH)
    if holds:
        return await _expire(connection, event, holds, now=now, offer_for=offer_for)
    return await lock_waitlist_and_offer_seats(connection, event, offer_for=offer_for)


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
    event = await _lock_event(session, event_id)
    if event is None:
        return
    connection = await sql_connection(session)
    holds = await statements.lock_lapsed_holds_of_user.rows(
        connection, event_id=event_id, user_id=user_id, holds=HOLDS_PER_BATCH
    )
    if holds:
        await _expire(connection, event, holds, now=now, offer_for=offer_for)


async def _lock_event(
    session: AsyncSession, event_id: UUID, *, skip_locked: bool = False
) -> Event | None:
    """Conflicts with its organizer's changes and with joining the waitlist, but not with bookings."""
    event: Event | None = await session.scalar(
        select(Event)
        .where(col(Event.id) == event_id)
        .with_for_update(read=True, skip_locked=skip_locked)
    )
    return event


async def _expire(
    connection: SqlConnection,
    event: Event,
    holds: Sequence[Record],
    *,
    now: datetime,
    offer_for: timedelta,
) -> int:
    booking_ids = [hold.id for hold in holds]
    offers = await end_bookings(
        connection, event, booking_ids, BookingStatus.EXPIRED, now=now, offer_for=offer_for
    )
    await add_booking_messages(connection, "hold-expired", booking_ids, event)
    count(HOLDS_EXPIRED, len(holds))
    return len(holds) + offers

"""The limit of seats in one person's drafts: each seat is a row, and a draft needs no verified address."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from uuid import UUID
from weakref import WeakValueDictionary

from fastapi import Depends, Request
from sqlalchemy import func, select, text
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.deps import CurrentUser, SettingsDep
from event_service.models import BlockedSeat, Event
from event_service.problems import TooManyDraftSeats
from event_service.statuses import EventStatus
from service_kit.problems import Unavailable

# The locks of people who write events in this process; an unused lock is collected.
WriteLocks = MutableMapping[UUID, asyncio.Lock]

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('drafts:' || CAST(:user AS text), 0))")


def new_write_locks() -> WriteLocks:
    return WeakValueDictionary()


async def serialize_writes(
    request: Request, user: CurrentUser, settings: SettingsDep
) -> AsyncIterator[None]:
    """Runs one person's writes of events one after the other. A request that waits has no connection yet:
    a dozen large drafts at once would use up the connections of everybody."""
    locks: WriteLocks = request.app.state.write_locks
    lock = locks.setdefault(user.user_id, asyncio.Lock())
    try:
        async with asyncio.timeout(settings.database_pool_timeout_seconds):
            await lock.acquire()
    except TimeoutError:
        raise Unavailable("Other events of yours are being stored; try again.") from None
    try:
        yield
    finally:
        lock.release()


# Before the session's dependency, so that it ends after the commit.
SerializedWrites = Depends(serialize_writes, scope="function")


async def lock_drafts(session: AsyncSession, user_id: UUID) -> None:
    """Locks the size of one person's drafts until the end of the transaction. Taken after the lock of an
    event and before any of seats: a transaction with this lock never waits for an event."""
    await session.execute(_LOCK, {"user": str(user_id)})


async def check_draft_seats(
    session: AsyncSession, user_id: UUID, *, limit: int, more: int = 0
) -> None:
    """Raises TooManyDraftSeats if the stored seats, also blocked ones, and ``more`` exceed the limit. The
    drafts are locked."""
    drafts = (col(Event.organizer_id) == user_id, col(Event.status) == EventStatus.DRAFT)
    sold = select(func.coalesce(func.sum(col(Event.capacity)), 0)).where(*drafts)
    blocked = select(func.count()).select_from(BlockedSeat).join(Event).where(*drafts)
    stored = await session.scalar(select(sold.scalar_subquery() + blocked.scalar_subquery()))
    if (stored or 0) + more > limit:
        raise TooManyDraftSeats(
            f"Your drafts may have {limit} seats together. Publish or delete some of them first.",
            max_seats=limit,
        )


async def count_draft_seats(session: AsyncSession, event: Event) -> int:
    """The stored seats of one event, blocked ones too."""
    blocked = await session.scalar(
        select(func.count()).select_from(BlockedSeat).where(col(BlockedSeat.event_id) == event.id)
    )
    return event.capacity + (blocked or 0)

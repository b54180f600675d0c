"""How many seats a person may have in unpublished drafts: each is a row, and a draft needs no verified
address."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from uuid import UUID
from weakref import WeakValueDictionary

from fastapi import Depends, Request
from sqlalchemy import func, select, text
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.deps import CurrentUser, SettingsDep
from event_service.errors import TooManyDraftSeats
from event_service.models import Event
from service_kit.problems import Unavailable

# The locks of those who write events in this process, for as long as somebody has or wants them.
WriteLocks = MutableMapping[UUID, asyncio.Lock]

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('drafts:' || CAST(:user AS text), 0))")


def new_write_locks() -> WriteLocks:
    return WeakValueDictionary()


async def write_in_turn(
    request: Request, user: CurrentUser, settings: SettingsDep
) -> AsyncIterator[None]:
    """One person's events are written one after the other, and who waits for the turn has no
    connection yet: a dozen large drafts at once would keep those that everybody needs."""
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
WriteInTurn = Depends(write_in_turn, scope="function")


async def lock_drafts(session: AsyncSession, user_id: UUID) -> None:
    """Until the end of the transaction nobody else makes this person's drafts larger. After the lock of
    an event, and before any of seats: whoever has this lock waits for no event."""
    await session.execute(_LOCK, {"user": str(user_id)})


async def refuse_too_many_draft_seats(
    session: AsyncSession, user_id: UUID, *, limit: int, more: int = 0
) -> None:
    """Raises TooManyDraftSeats if what is stored and ``more`` seats pass the limit. The person's drafts
    are locked."""
    stored = await session.scalar(
        select(func.coalesce(func.sum(col(Event.capacity)), 0)).where(
            col(Event.organizer_id) == user_id, col(Event.status) == "draft"
        )
    )
    if (stored or 0) + more > limit:
        raise TooManyDraftSeats(
            f"Your drafts may have {limit} seats together. Publish or delete some of them first.",
            max_seats=limit,
        )

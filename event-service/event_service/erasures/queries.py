"""What is left of an erased account. Each question reads a few rows, however much there is."""

from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import UUID as SqlUuid
from sqlalchemy.types import Integer
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.models import ErasedUser, Event
from service_kit.problems import NotAuthenticated

_USER = bindparam("user_id", type_=SqlUuid())
_LIMIT = bindparam("limit", type_=Integer())

# Events in which somebody waits or holds seats. What is held is what expires: see ix_booking_held.
_EVENTS_OF = text("""
    SELECT event_id FROM waitlist_entry WHERE user_id = :user_id
    UNION
    SELECT event_id FROM booking WHERE user_id = :user_id AND expires_at IS NOT NULL
    LIMIT :limit
""").bindparams(_USER, _LIMIT)

_UNFINISHED = text("""
    SELECT user_id FROM erased_users
    WHERE EXISTS (SELECT FROM waitlist_entry WHERE user_id = erased_users.user_id)
        OR EXISTS (
            SELECT FROM booking WHERE user_id = erased_users.user_id AND expires_at IS NOT NULL
        )
        OR EXISTS (
            SELECT FROM event WHERE organizer_id = erased_users.user_id
                AND (status = 'draft' OR (status = 'published' AND ends_at > now()))
        )
        OR EXISTS (SELECT FROM idempotency_key WHERE user_id = erased_users.user_id)
    ORDER BY random() LIMIT :limit
""").bindparams(_LIMIT)

DELETE_KEYS = text("""
    DELETE FROM idempotency_key WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM idempotency_key WHERE user_id = :user_id LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ))
""").bindparams(_USER, _LIMIT)


async def list_events_to_leave(session: AsyncSession, user_id: UUID, *, limit: int) -> list[UUID]:
    found = await session.execute(_EVENTS_OF, {"user_id": user_id, "limit": limit})
    return list(found.scalars())


async def list_drafts(session: AsyncSession, user_id: UUID, *, limit: int) -> list[UUID]:
    found = await session.execute(
        select(col(Event.id))
        .where(col(Event.organizer_id) == user_id, col(Event.status) == "draft")
        .limit(limit)
    )
    return list(found.scalars())


def _is_upcoming(organizer_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Event.organizer_id) == organizer_id,
        col(Event.status) == "published",
        col(Event.ends_at) > func.now(),
    )


async def list_upcoming_events(session: AsyncSession, user_id: UUID, *, limit: int) -> list[UUID]:
    found = await session.execute(select(col(Event.id)).where(*_is_upcoming(user_id)).limit(limit))
    return list(found.scalars())


async def list_unfinished(session: AsyncSession, *, limit: int) -> list[UUID]:
    """Erased accounts of which something is left, or came after the erasure: who books, joins,
    publishes or writes a draft at that very moment may commit a little later. In no order, so that one whose
    event is locked keeps none waiting."""
    found = await session.execute(_UNFINISHED, {"limit": limit})
    return list(found.scalars())


async def count_upcoming_events(session: AsyncSession, user_id: UUID) -> int:
    found = await session.scalar(
        select(func.count()).select_from(Event).where(*_is_upcoming(user_id))
    )
    return found or 0


async def refuse_erased(session: AsyncSession, user_id: UUID) -> None:
    """Raises NotAuthenticated: a process may not know yet whose tokens to refuse."""
    if await session.get(ErasedUser, user_id) is not None:
        raise NotAuthenticated

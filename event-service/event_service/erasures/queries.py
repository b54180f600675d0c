"""What is left of an erased account. Each query reads a bounded number of rows."""

from uuid import UUID

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects.postgresql import UUID as SqlUuid
from sqlalchemy.types import Integer
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.models import Event
from event_service.rules import IS_ACTIVE
from event_service.statuses import EventStatus

_USER = bindparam("user_id", type_=SqlUuid())
_LIMIT = bindparam("limit", type_=Integer())

# Events in which a person waits or holds seats. Only holds have ``expires_at``.
_EVENTS_OF = text("""
    SELECT event_id FROM waitlist_entry WHERE user_id = :user_id
    UNION
    SELECT event_id FROM booking WHERE user_id = :user_id AND expires_at IS NOT NULL
    LIMIT :limit
""").bindparams(_USER, _LIMIT)

_UNFINISHED = text(f"""
    SELECT user_id FROM erased_user
    WHERE EXISTS (SELECT FROM waitlist_entry WHERE user_id = erased_user.user_id)
        OR EXISTS (
            SELECT FROM booking WHERE user_id = erased_user.user_id AND expires_at IS NOT NULL
        )
        OR EXISTS (
            SELECT FROM event WHERE organizer_id = erased_user.user_id
                AND (status = '{EventStatus.DRAFT}' OR {IS_ACTIVE})
        )
        OR EXISTS (SELECT FROM idempotency_key WHERE user_id = erased_user.user_id)
        OR EXISTS (
            SELECT FROM booking WHERE user_id = erased_user.user_id AND guest_name IS NOT NULL
        )
        OR EXISTS (SELECT FROM hall_template WHERE owner_id = erased_user.user_id)
    ORDER BY random() LIMIT :limit
""").bindparams(_LIMIT)

DELETE_KEYS = text("""
    DELETE FROM idempotency_key WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM idempotency_key WHERE user_id = :user_id LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ))
""").bindparams(_USER, _LIMIT)

# Few: halls/ limits how many somebody may keep.
DELETE_HALLS = text("DELETE FROM hall_template WHERE owner_id = :user_id").bindparams(_USER)

REMOVE_NAMES = text("""
    UPDATE booking SET guest_name = NULL WHERE id = ANY(ARRAY(
        SELECT id FROM booking WHERE user_id = :user_id AND guest_name IS NOT NULL LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    ))
""").bindparams(_USER, _LIMIT)


async def list_events_to_leave(session: AsyncSession, user_id: UUID, *, limit: int) -> list[UUID]:
    rows = await session.execute(_EVENTS_OF, {"user_id": user_id, "limit": limit})
    return list(rows.scalars())


async def list_drafts(session: AsyncSession, user_id: UUID, *, limit: int) -> list[UUID]:
    rows = await session.execute(
        select(col(Event.id))
        .where(col(Event.organizer_id) == user_id, col(Event.status) == EventStatus.DRAFT)
        .limit(limit)
    )
    return list(rows.scalars())


async def list_upcoming_events(session: AsyncSession, user_id: UUID, *, limit: int) -> list[UUID]:
    rows = await session.execute(
        select(col(Event.id)).where(col(Event.organizer_id) == user_id, IS_ACTIVE).limit(limit)
    )
    return list(rows.scalars())


async def list_unfinished(session: AsyncSession, *, limit: int) -> list[UUID]:
    """Erased accounts with something left, which may also have been committed shortly after the erasure.
    In random order, so that an account whose event is locked does not block the others."""
    rows = await session.execute(_UNFINISHED, {"limit": limit})
    return list(rows.scalars())


async def count_upcoming_events(session: AsyncSession, user_id: UUID) -> int:
    count = await session.scalar(
        select(func.count()).select_from(Event).where(col(Event.organizer_id) == user_id, IS_ACTIVE)
    )
    return count or 0

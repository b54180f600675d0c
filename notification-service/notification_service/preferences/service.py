"""Which optional mails users want. Without a row a user wants all of them."""

import secrets
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service.models import preferences
from service_kit.problems import NotFound

rows = preferences.c


async def wants_reminders(session: AsyncSession, user_id: UUID) -> bool:
    found = await session.execute(select(rows.event_reminders).where(rows.user_id == user_id))
    return found.scalar_one_or_none() is not False


async def set_reminders(session: AsyncSession, user_id: UUID, are_wanted: bool) -> None:
    await session.execute(
        insert(preferences)
        .values(_new(user_id) | {"event_reminders": are_wanted})
        .on_conflict_do_update(
            index_elements=[rows.user_id],
            set_={"event_reminders": are_wanted, "updated_at": func.now()},
        )
    )


async def reminder_token(connection: AsyncConnection, user_id: UUID) -> str | None:
    """The secret of a reminder's unsubscribe link; None if the user wants no reminders."""
    found = await connection.execute(
        insert(preferences)
        .values(_new(user_id))
        # Changes nothing, but returns the existing row.
        .on_conflict_do_update(index_elements=[rows.user_id], set_={"user_id": user_id})
        .returning(rows.event_reminders, rows.unsubscribe_token)
    )
    wanted, token = found.one()
    return str(token) if wanted else None


async def unsubscribe(session: AsyncSession, token: str) -> None:
    """Raises NotFound for an unknown token."""
    found = await session.execute(
        update(preferences)
        .where(rows.unsubscribe_token == token)
        .values(event_reminders=False, updated_at=func.now())
        .returning(rows.user_id)
    )
    if found.scalar_one_or_none() is None:
        raise NotFound


def _new(user_id: UUID) -> dict[str, object]:
    return {
        "user_id": user_id,
        "event_reminders": True,
        "unsubscribe_token": secrets.token_urlsafe(24),
        "updated_at": func.now(),
    }

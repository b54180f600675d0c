"""Attempts counted in PostgreSQL, so that neither many client addresses nor an empty Redis help to guess
a password."""

import hashlib
import hmac
from datetime import datetime, timedelta

from pydantic import SecretStr
from sqlalchemy import case, delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.models import AttemptCount
from auth_service.problems import LockedOut
from service_kit.database.tables import table_of


def attempt_key(secret: SecretStr, purpose: str, subject: str) -> bytes:
    """An HMAC: a plain hash of an address could be guessed."""
    message = f"{purpose}:{subject}".encode(errors="replace")
    return hmac.digest(secret.get_secret_value().encode(), message, hashlib.sha256)


async def count_attempt(
    session: AsyncSession, key: bytes, *, window: timedelta, now: datetime
) -> AttemptCount:
    """Adds one, in a single statement, so that concurrent attempts are all counted."""
    table = table_of(AttemptCount)
    is_over = table.c.ends_at <= now
    statement = insert(AttemptCount).values(key=key, attempts=1, ends_at=now + window)
    counted = await session.exec(
        statement.on_conflict_do_update(
            index_elements=[table.c.key],
            set_={
                "attempts": case((is_over, 1), else_=table.c.attempts + 1),
                "ends_at": case((is_over, now + window), else_=table.c.ends_at),
            },
        ).returning(AttemptCount),
        execution_options={"populate_existing": True},
    )
    row: AttemptCount = counted.scalar_one()
    return row


async def refuse_when_exceeded(
    session: AsyncSession, key: bytes, *, limit: int, now: datetime
) -> None:
    """Raises LockedOut when there were ``limit`` attempts in the window."""
    row = await session.get(AttemptCount, key)
    if row is not None and row.attempts >= limit and row.ends_at > now:
        raise locked_out(row, now)


def locked_out(row: AttemptCount, now: datetime) -> LockedOut:
    return LockedOut(max(1, round((row.ends_at - now).total_seconds())))


async def reset_attempts(session: AsyncSession, key: bytes) -> None:
    await session.execute(delete(AttemptCount).where(col(AttemptCount.key) == key))

"""Mails that wait until their reader has confirmed the address. Each function is one statement.

They are asked about by person, and not by mail: who has a thousand mails waiting costs one question.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.models import AWAITS_ADDRESS, EventSnapshot, Notification

notifications: Table = Notification.__table__  # type: ignore[attr-defined]
rows = notifications.c
snapshots: Table = EventSnapshot.__table__  # type: ignore[attr-defined]

LONGEST_PAUSE = timedelta(hours=6)
SHORTEST_PAUSE = timedelta(seconds=30)


async def people_to_look_up(connection: AsyncConnection, *, limit: int) -> list[UUID]:
    """Whose mails have waited since the last look for as long as they should."""
    due = (
        select(rows.user_id)
        .where(text(AWAITS_ADDRESS), rows.next_attempt_at <= func.now())
        .order_by(rows.next_attempt_at)
        .limit(limit)
        .subquery()
    )
    found = await connection.execute(select(due.c.user_id).distinct())
    return list(found.scalars())


async def release(connection: AsyncConnection, user_ids: Sequence[UUID]) -> None:
    """The mails of these people are due now, as if they had been asked for now."""
    await _release(connection, rows.user_id.in_(user_ids))


async def release_what_is_over(connection: AsyncConnection, user_ids: Sequence[UUID]) -> None:
    """Those about events that have ended: their next attempt finds that nobody needs them."""
    ended = (
        select(1)
        .where(snapshots.c.event_id == rows.event_id, snapshots.c.ends_at <= func.now())
        .correlate(notifications)
    )
    await _release(connection, rows.user_id.in_(user_ids), ended.exists())


async def _release(connection: AsyncConnection, *which: ColumnElement[bool]) -> None:
    now: Any = func.now()
    await connection.execute(
        update(notifications)
        .where(text(AWAITS_ADDRESS), rows.status == "queued", *which)
        .values(waits_for=None, next_attempt_at=now, wanted_at=now, lease_until=None)
    )


async def look_later(connection: AsyncConnection, user_ids: Sequence[UUID]) -> None:
    """The longer a mail has waited, the later its reader is asked about again."""
    pause = func.least(
        func.greatest((func.now() - rows.created_at) / 4, SHORTEST_PAUSE), LONGEST_PAUSE
    )
    await connection.execute(
        update(notifications)
        .where(
            text(AWAITS_ADDRESS),
            rows.user_id.in_(user_ids),
            rows.next_attempt_at <= func.now(),
        )
        .values(next_attempt_at=func.now() + pause)
    )

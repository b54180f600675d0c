"""Deletes what is older than the settings allow."""

import time
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.delivery.context import WorkerContext
from notification_service.delivery.tables import (
    allowances,
    notifications,
    rows,
    seen_messages,
    snapshots,
)
from notification_service.models import ErasedUser
from service_kit.database.engine import affected_rows
from service_kit.web.erasures import purge_erasures

# Longer than any sender asks whether its message has arrived.
KEEP_SEEN_MESSAGES = timedelta(days=30)
ROWS_PER_BATCH = 1_000
MAX_SECONDS = 20.0


async def delete_expired(context: WorkerContext) -> None:
    """Deletes in batches until ``MAX_SECONDS`` are over; the next call continues."""
    deadline = time.monotonic() + MAX_SECONDS
    keep = timedelta(days=context.settings.keep_days)
    while time.monotonic() < deadline:
        async with context.statement() as connection:
            if not await delete_old(connection, older_than=keep):
                break
    await purge_erasures(context.database, ErasedUser, context.settings)


async def delete_old(connection: AsyncConnection, *, older_than: timedelta) -> bool:
    """Deletes at most one batch per table. True if there may be more rows to delete."""
    finished = rows.status.in_(("sent", "dropped", "failed"))
    hour = timedelta(hours=1)
    deleted = [
        await _delete_some(connection, table, key, condition)
        for table, key, condition in (
            (notifications, rows.id, and_(finished, rows.created_at < func.now() - older_than)),
            (
                seen_messages,
                seen_messages.c.id,
                seen_messages.c.seen_at < func.now() - KEEP_SEEN_MESSAGES,
            ),
            (snapshots, snapshots.c.event_id, snapshots.c.ends_at < func.now() - older_than),
            (allowances, allowances.c.key, allowances.c.used_at < func.now() - hour),
        )
    ]
    return max(deleted) == ROWS_PER_BATCH


async def _delete_some(
    connection: AsyncConnection, table: Table, key: Any, condition: ColumnElement[bool]
) -> int:
    some = select(key).where(condition).limit(ROWS_PER_BATCH)
    done = await connection.execute(
        delete(table).where(key.in_(some.with_for_update(skip_locked=True).scalar_subquery()))
    )
    return affected_rows(done)

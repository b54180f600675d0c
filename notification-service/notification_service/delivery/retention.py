"""Deletes what is older than the settings allow."""

import time
from datetime import timedelta

from sqlalchemy import and_, func
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.delivery.context import WorkerContext
from notification_service.delivery.tables import rows
from notification_service.models import (
    ErasedUser,
    event_snapshots,
    mail_allowances,
    notifications,
    seen_messages,
)
from notification_service.statuses import FINISHED
from service_kit.database.engine import affected_rows
from service_kit.database.purging import ROWS_PER_BATCH, delete_some
from service_kit.web.erasures import purge_erasures

# Longer than any sender asks whether its message has arrived.
KEEP_SEEN_MESSAGES = timedelta(days=30)
KEEP_ALLOWANCES = timedelta(hours=1)
MAX_SECONDS = 20.0


async def delete_expired(context: WorkerContext) -> None:
    """Deletes in batches until ``MAX_SECONDS`` are over; the next call continues."""
    deadline = time.monotonic() + MAX_SECONDS
    keep = timedelta(days=context.settings.keep_days)
    while time.monotonic() < deadline:
        async with context.statement() as connection:
            if not await _delete_batch(connection, older_than=keep):
                break
    await purge_erasures(context.database, ErasedUser, context.settings)


async def _delete_batch(connection: AsyncConnection, *, older_than: timedelta) -> bool:
    """Deletes at most one batch per table. True if there may be more rows to delete."""
    is_finished = rows.status.in_(FINISHED)
    is_more = False
    for table, condition in (
        (notifications, and_(is_finished, rows.created_at < func.now() - older_than)),
        (seen_messages, seen_messages.c.seen_at < func.now() - KEEP_SEEN_MESSAGES),
        (event_snapshots, event_snapshots.c.ends_at < func.now() - older_than),
        (mail_allowances, mail_allowances.c.used_at < func.now() - KEEP_ALLOWANCES),
    ):
        statement = delete_some(table, condition, limit=ROWS_PER_BATCH)
        is_more |= affected_rows(await connection.execute(statement)) == ROWS_PER_BATCH
    return is_more

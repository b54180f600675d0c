"""Puts due mails on the queue."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import and_, case, func, literal, null, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.delivery.context import WorkerContext
from notification_service.delivery.tables import IS_CHANGE, due_at, rows
from notification_service.models import SWEPT, notifications
from notification_service.statuses import MailStatus
from notification_service.timeline import entry
from service_kit.messaging.queue_length import QUEUE_IS_FULL

SWEEP_LIMIT = 200

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Due:
    """A mail to put on the queue, with what operators may see of it there."""

    id: UUID
    kind: str
    created_at: datetime


async def sweep(
    context: WorkerContext,
    put_on_queue: Callable[[list[Due]], None],
    *,
    queue_length: Callable[[], Awaitable[int]] | None = None,
) -> bool:
    """Puts due mails on the queue unless the queue is full. True if there may be more of them."""
    if queue_length is not None and await queue_length() >= QUEUE_IS_FULL:
        return False
    requeue_after = timedelta(seconds=context.settings.requeue_seconds)
    async with context.statement() as connection:
        due = await take_due(connection, limit=SWEEP_LIMIT, requeue_after=requeue_after)
    if due:
        await asyncio.to_thread(put_on_queue, due)
        log.info("mail.swept", count=len(due))
    return len(due) >= SWEEP_LIMIT


async def take_due(
    connection: AsyncConnection, *, limit: int, requeue_after: timedelta
) -> list[Due]:
    """Due mails that are not on the queue as far as we know; they count as queued from now on.

    Half of them became due last, so that new mails do not wait behind a backlog; the others have
    waited longest. A mail that was ``sending`` for longer than its lease gets a new fence, so that a
    worker that only slept notices that it has lost the mail.
    """
    latest = await _take(connection, due_at.desc(), limit=limit // 2, requeue_after=requeue_after)
    if len(latest) < limit // 2:
        return latest
    return latest + await _take(connection, due_at, limit=limit // 2, requeue_after=requeue_after)


async def _take(
    connection: AsyncConnection, order: Any, *, limit: int, requeue_after: timedelta
) -> list[Due]:
    due = (
        select(rows.id)
        .where(text(SWEPT), due_at <= func.now())
        .order_by(order)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    has_lapsed = rows.status == MailStatus.SENDING
    taken = await connection.execute(
        update(notifications)
        .where(rows.id.in_(due))
        .values(
            status=MailStatus.QUEUED,
            lease_until=func.now() + requeue_after,
            fence=case((has_lapsed, rows.fence + 1), else_=rows.fence),
            crashes=case((has_lapsed, rows.crashes + 1), else_=rows.crashes),
            # The process may have died after the mail server had accepted the mail.
            told_at=case((has_lapsed, func.now()), else_=rows.told_at),
            told=case((and_(has_lapsed, text(IS_CHANGE)), rows.data["event"]), else_=rows.told),
            # Until now it waited on purpose, which does not count as late.
            wanted_at=case((rows.waits_for.is_not(None), func.now()), else_=rows.wanted_at),
            waits_for=null(),
            timeline=case(
                (
                    has_lapsed,
                    _with(MailStatus.QUEUED, "The sending process did not report back."),
                ),
                else_=rows.timeline,
            ),
        )
        .returning(rows.id, rows.kind, rows.created_at)
    )
    found = sorted(taken.all(), key=lambda row: (row.created_at, row.id))
    return [Due(*row) for row in found]


def _with(status: MailStatus, note: str | None = None) -> Any:
    return rows.timeline.op("||")(literal(entry(status, note), rows.timeline.type))

"""The statements that a mail passes on its way. Each is a transaction of its own, so that every state
is committed before the step that it speaks of."""

import json
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Interval,
    Table,
    Text,
    case,
    cast,
    delete,
    func,
    literal,
    literal_column,
    not_,
    null,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.delivery.superseding import is_superseded
from notification_service.messages.contents import Content
from notification_service.models import DUE_AT, Notification, SeenMessage
from notification_service.timeline import entry
from service_kit.statements import Statement, given

notifications: Table = Notification.__table__  # type: ignore[attr-defined]
rows = notifications.c
seen_messages: Table = SeenMessage.__table__  # type: ignore[attr-defined]
seen = seen_messages.c
due_at = literal_column(DUE_AT, rows.next_attempt_at.type)

# Longer than any sender keeps asking whether it came.
KEEP_SEEN = timedelta(days=30)
NO_DELAY = timedelta(0)


@dataclass(frozen=True, slots=True)
class Claim:
    """A mail that belongs to this worker for as long as ``fence`` is the row's. ``content`` is its data
    if somebody has read it already."""

    id: UUID
    user_id: UUID
    kind: str
    dedup_key: str
    data: dict[str, Any]
    fence: int = 1
    attempts: int = 1
    crashes: int = 0
    resends: int = 0
    give_up_at: datetime | None = None
    request_id: str | None = None
    content: Content | None = None


CLAIMED = [rows[field.name] for field in fields(Claim) if field.name != "content"]


async def claim(
    connection: AsyncConnection, notification_id: UUID, *, lease: timedelta
) -> Claim | None:
    """Takes a mail that is due, or None: it is not due, or somebody else has it."""
    claimed = await connection.execute(
        update(notifications)
        .where(
            rows.id == notification_id,
            rows.status == "queued",
            rows.next_attempt_at <= func.now(),
        )
        .values(
            status="sending",
            attempts=rows.attempts + 1,
            fence=rows.fence + 1,
            lease_until=func.now() + lease,
            timeline=_with("sending"),
        )
        .returning(*CLAIMED)
    )
    row = claimed.one_or_none()
    return Claim(**row._asdict()) if row else None


@cache
def _may_send(kind: str) -> Statement:
    return Statement(
        select(not_(is_superseded(kind))).where(
            rows.id == given("held_id"),
            rows.status == "sending",
            rows.fence == given("held_fence"),
            rows.lease_until > func.now() + given("needed", Interval()),
        )
    )


async def may_send(connection: AsyncConnection, held: Claim, *, needed: timedelta) -> bool | None:
    """Asked right before the mail goes out: True if it may; False if a later mail takes its place;
    None if it does not belong to this worker any more, or for less time than ``needed``."""
    answer: bool | None = await _may_send(held.kind).value(
        connection, held_id=held.id, held_fence=held.fence, needed=needed
    )
    return answer


FINISH = Statement(
    update(notifications)
    .where(
        rows.id == given("held_id"),
        rows.fence == given("held_fence"),
        rows.status == "sending",
    )
    .values(
        status=given("new_status"),
        lease_until=null(),
        last_error=given("error"),
        sent_at=case((given("new_status") == "sent", func.now()), else_=null()),
        next_attempt_at=func.now() + given("delay", Interval()),
        give_up_at=given("until"),
        data=case((given("forget", Boolean), literal_column("'{}'::jsonb")), else_=rows.data),
        timeline=rows.timeline.op("||")(cast(given("step", Text), JSONB)),
    )
    .returning(rows.id)
)


async def finish(
    connection: AsyncConnection,
    held: Claim,
    status: str,
    note: str | None = None,
    *,
    error: str | None = None,
    delay: timedelta = NO_DELAY,
    give_up_at: datetime | None = None,
    forget: bool = False,
) -> bool:
    """Writes down how an attempt ended; False if the row belongs to somebody else by now."""
    finished = await FINISH.value(
        connection,
        held_id=held.id,
        held_fence=held.fence,
        new_status=status,
        error=error,
        delay=delay,
        until=give_up_at or held.give_up_at,
        forget=forget,
        step=json.dumps(entry(status, note)),
    )
    return finished is not None


async def take_due(
    connection: AsyncConnection, *, limit: int, requeue_after: timedelta
) -> list[UUID]:
    """The mails that are due and not known to be on the queue, which they are from now on.

    One that was ``sending`` longer than its lease comes back with a new fence, so that a worker
    that only slept finds that it has lost it.
    """
    due = (
        select(rows.id)
        .where(rows.status.in_(("queued", "sending")), due_at <= func.now())
        .order_by(due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    has_lapsed = rows.status == "sending"
    taken = await connection.execute(
        update(notifications)
        .where(rows.id.in_(due))
        .values(
            status="queued",
            lease_until=func.now() + requeue_after,
            fence=case((has_lapsed, rows.fence + 1), else_=rows.fence),
            crashes=case((has_lapsed, rows.crashes + 1), else_=rows.crashes),
            timeline=case(
                (has_lapsed, _with("queued", "The sending process did not report back.")),
                else_=rows.timeline,
            ),
        )
        .returning(rows.id)
    )
    return list(taken.scalars())


def _with(status: str, note: str | None = None) -> Any:
    return rows.timeline.op("||")(literal(entry(status, note), rows.timeline.type))


async def delete_old(connection: AsyncConnection, *, older_than: timedelta) -> None:
    finished = rows.status.in_(("sent", "dropped", "failed"))
    is_old = rows.created_at < func.now() - older_than
    await connection.execute(delete(notifications).where(finished, is_old))
    await connection.execute(delete(seen_messages).where(seen.seen_at < func.now() - KEEP_SEEN))

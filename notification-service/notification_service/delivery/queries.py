"""The statements that a mail passes on its way. Each is a transaction of its own, so that every state
is committed before the step that it speaks of."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Interval,
    Table,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.delivery.outcomes import HELD_BACK, Reason
from notification_service.delivery.superseding import is_superseded, order_of
from notification_service.messages.contents import Content
from notification_service.models import (
    DUE_AT,
    SWEPT,
    EventSnapshot,
    MailAllowance,
    Notification,
    SeenMessage,
)
from notification_service.timeline import entry
from service_kit.database.engine import affected_rows
from service_kit.database.statements import Statement, param

notifications: Table = Notification.__table__  # type: ignore[attr-defined]
rows = notifications.c
seen_messages: Table = SeenMessage.__table__  # type: ignore[attr-defined]
seen = seen_messages.c
snapshots: Table = EventSnapshot.__table__  # type: ignore[attr-defined]
allowances: Table = MailAllowance.__table__  # type: ignore[attr-defined]
due_at = literal_column(DUE_AT, rows.next_attempt_at.type)

# Longer than any sender keeps asking whether it came.
KEEP_SEEN = timedelta(days=30)
CLAIMED_AT_ONCE = 100
AFTER_CONFIRMATION = timedelta(hours=1)
LOOK_FOR_CONFIRMATION = timedelta(minutes=5)
DELETED_AT_ONCE = 1_000
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
    version: int = 0
    event_id: UUID | None = None
    fence: int = 1
    attempts: int = 1
    crashes: int = 0
    resends: int = 0
    give_up_at: datetime | None = None
    request_id: str | None = None
    was_held_back: bool = False
    content: Content | None = None


# What is about the same event and person goes with a mail that was asked for, because it goes first.
CLAIM = text("""
    UPDATE notifications
    SET status = 'sending', attempts = attempts + 1, fence = fence + 1, lease_until = now() + :lease,
        timeline = timeline || CAST(:step AS jsonb)
    WHERE id IN (
        SELECT id FROM notifications
        WHERE id IN (
            SELECT unnest(:ids)
            UNION
            SELECT other.id FROM notifications AS this
            JOIN notifications AS other USING (user_id, event_id)
            WHERE this.id = ANY(:ids || :with_those_of) AND other.status = 'queued'
        ) AND status = 'queued' AND next_attempt_at <= now() AND waits_for IS DISTINCT FROM 'address'
        ORDER BY created_at, id
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    )
    RETURNING id, user_id, kind, dedup_key, data, version, event_id, fence, attempts, crashes, resends,
        give_up_at, request_id, created_at, EXISTS (
            SELECT FROM jsonb_array_elements(timeline) AS step WHERE step->>'note' = ANY(:held_back)
        ) AS was_held_back
""").bindparams(
    bindparam("ids", type_=ARRAY(Uuid())),
    bindparam("with_those_of", type_=ARRAY(Uuid())),
    bindparam("held_back", list(HELD_BACK.values()), type_=ARRAY(Text())),
    bindparam("lease", type_=Interval()),
    bindparam("limit", type_=Integer()),
    bindparam("step", type_=Text()),
)


async def claim(
    connection: AsyncConnection,
    ids: Sequence[UUID],
    *,
    lease: timedelta,
    with_those_of: Sequence[UUID] = (),
) -> list[Claim]:
    """Takes those of the mails that are due and nobody else has, and what waits about their events
    and people; also about those of ``with_those_of``, which are not taken themselves."""
    claimed = await connection.execute(
        CLAIM,
        {
            "ids": list(ids),
            "with_those_of": list(with_those_of),
            "lease": lease,
            "limit": CLAIMED_AT_ONCE,
            "step": json.dumps(entry("sending")),
        },
    )
    found = sorted(claimed.mappings(), key=lambda row: (row["created_at"], row["id"]))
    return [Claim(**{n: v for n, v in row.items() if n != "created_at"}) for row in found]


Permission = Literal["go", "overtaken", "outdated", "not-yet"]
# Of one person's mails about one event these keep their order, also when two workers have them.
KEEPS_ORDER = frozenset(
    ("booking-cancelled", "event-changed", "event-cancelled", "event-reminder", "organizer-message")
)


@cache
def _permission(kind: str) -> Statement:
    newer = select(1).where(
        snapshots.c.event_id == rows.event_id, snapshots.c.version > param("written_version")
    )
    answers = [(is_superseded(kind), "overtaken"), (newer.exists(), "outdated")]
    if kind in KEEPS_ORDER:
        earlier = notifications.alias("earlier")
        is_being_sent = select(1).where(
            earlier.c.user_id == rows.user_id,
            earlier.c.event_id == rows.event_id,
            earlier.c.status == "sending",
            earlier.c.lease_until > func.now(),
            order_of(earlier) < order_of(notifications),
        )
        answers.append((is_being_sent.correlate(notifications).exists(), "not-yet"))
    return Statement(
        select(
            case(
                *((when, literal_column(f"'{then}'")) for when, then in answers),
                else_=literal_column("'go'"),
            )
        ).where(
            rows.id == param("held_id"),
            rows.status == "sending",
            rows.fence == param("held_fence"),
            rows.lease_until > func.now() + param("needed", Interval()),
        )
    )


async def may_send(
    connection: AsyncConnection, held: Claim, *, version: int, needed: timedelta
) -> Permission | None:
    """Asked right before a mail goes out that was written of an event's ``version``.

    ``overtaken``: a later mail takes its place. ``outdated``: a newer version of the event is known.
    ``not-yet``: another worker is sending what goes before it. None: it does not belong to this
    worker any more, or for less time than ``needed``.
    """
    answer: Permission | None = await _permission(held.kind).value(
        connection, held_id=held.id, held_fence=held.fence, needed=needed, written_version=version
    )
    return answer


is_change = rows.kind == "event-changed"
FINISH = Statement(
    update(notifications)
    .where(
        rows.id == param("held_id"),
        rows.fence == param("held_fence"),
        rows.status == "sending",
    )
    .values(
        status=param("new_status"),
        lease_until=null(),
        last_error=param("error"),
        sent_at=case((param("new_status") == "sent", func.now()), else_=null()),
        told_at=case((param("has_gone", Boolean), func.now()), else_=rows.told_at),
        told=case(
            (and_(param("has_gone", Boolean), is_change), rows.data["event"]), else_=rows.told
        ),
        next_attempt_at=func.now() + param("delay", Interval()),
        give_up_at=param("until"),
        waits_for=param("waits_for"),
        data=case((param("forget", Boolean), literal_column("'{}'::jsonb")), else_=rows.data),
        timeline=rows.timeline.op("||")(cast(param("step", Text), JSONB)),
    )
    .returning(rows.id)
)


REMINDER_PAUSE = Statement(
    select(
        func.max(
            case(
                (rows.status == "sent", rows.sent_at + AFTER_CONFIRMATION - func.now()),
                else_=LOOK_FOR_CONFIRMATION,
            )
        )
    ).where(
        rows.booking_id == param("of_booking"),
        rows.user_id == param("of_user"),
        rows.kind == "booking-confirmed",
        or_(
            rows.status.in_(("queued", "sending")),
            rows.sent_at > func.now() - AFTER_CONFIRMATION,
        ),
    )
)


async def reminder_pause(
    connection: AsyncConnection, user_id: UUID, booking_id: UUID
) -> timedelta | None:
    """How long a reminder of this booking has to wait, because its confirmation has just gone or is
    still to go; None if it need not."""
    pause: timedelta | None = await REMINDER_PAUSE.value(
        connection, of_booking=booking_id, of_user=user_id
    )
    return pause


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
    waits_for: Reason | None = None,
    has_gone: bool = False,
) -> bool:
    """Writes down how an attempt ended; False if the row belongs to somebody else by now. With
    ``has_gone`` the mail server has the mail, or may have it."""
    finished = await FINISH.value(
        connection,
        held_id=held.id,
        held_fence=held.fence,
        new_status=status,
        error=error,
        delay=delay,
        # The time that it waits on purpose is not counted against it.
        until=None if waits_for else give_up_at or held.give_up_at,
        waits_for=waits_for,
        has_gone=has_gone,
        forget=forget,
        step=json.dumps(entry(status, note)),
    )
    return finished is not None


@dataclass(frozen=True, slots=True)
class Due:
    """A mail that is to be put on the queue, and what operators may see of it there."""

    id: UUID
    kind: str
    created_at: datetime


async def take_due(
    connection: AsyncConnection, *, limit: int, requeue_after: timedelta
) -> list[Due]:
    """The mails that are due and not known to be on the queue, which they are from now on: half of
    them those that became due last, so that new ones need not wait for a backlog's end, and the
    others those that have waited longest.

    One that was ``sending`` longer than its lease comes back with a new fence, so that a worker
    that only slept finds that it has lost it.
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
    has_lapsed = rows.status == "sending"
    taken = await connection.execute(
        update(notifications)
        .where(rows.id.in_(due))
        .values(
            status="queued",
            lease_until=func.now() + requeue_after,
            fence=case((has_lapsed, rows.fence + 1), else_=rows.fence),
            crashes=case((has_lapsed, rows.crashes + 1), else_=rows.crashes),
            # The process may have died after the mail server had taken the mail.
            told_at=case((has_lapsed, func.now()), else_=rows.told_at),
            told=case((and_(has_lapsed, is_change), rows.data["event"]), else_=rows.told),
            # It was late on purpose so far.
            wanted_at=case((rows.waits_for.is_not(None), func.now()), else_=rows.wanted_at),
            waits_for=null(),
            timeline=case(
                (has_lapsed, _with("queued", "The sending process did not report back.")),
                else_=rows.timeline,
            ),
        )
        .returning(rows.id, rows.kind, rows.created_at)
    )
    found = sorted(taken.all(), key=lambda row: (row.created_at, row.id))
    return [Due(*row) for row in found]


def _with(status: str, note: str | None = None) -> Any:
    return rows.timeline.op("||")(literal(entry(status, note), rows.timeline.type))


async def delete_old(connection: AsyncConnection, *, older_than: timedelta) -> bool:
    """Deletes a batch of each table at most; whether there may be more."""
    finished = rows.status.in_(("sent", "dropped", "failed"))
    hour = timedelta(hours=1)
    deleted = [
        await _delete_some(connection, table, key, condition)
        for table, key, condition in (
            (notifications, rows.id, and_(finished, rows.created_at < func.now() - older_than)),
            (seen_messages, seen.id, seen.seen_at < func.now() - KEEP_SEEN),
            (snapshots, snapshots.c.event_id, snapshots.c.ends_at < func.now() - older_than),
            (allowances, allowances.c.key, allowances.c.used_at < func.now() - hour),
        )
    ]
    return max(deleted) == DELETED_AT_ONCE


async def _delete_some(
    connection: AsyncConnection, table: Table, key: Any, condition: ColumnElement[bool]
) -> int:
    some = select(key).where(condition).limit(DELETED_AT_ONCE)
    done = await connection.execute(
        delete(table).where(key.in_(some.with_for_update(skip_locked=True).scalar_subquery()))
    )
    return affected_rows(done)

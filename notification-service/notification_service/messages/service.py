"""Records messages, each once; queues mails again; erases users."""

import json
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Interval,
    Text,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service.messages.incoming import Incoming
from notification_service.messages.queries import get_own
from notification_service.models import Notification, notifications, preferences, seen_messages
from notification_service.problems import NotResendable
from notification_service.statuses import (
    FINISHED,
    UNSENT,
    MailStatus,
    may_be_queued_again,
)
from notification_service.timeline import entry
from service_kit.database.engine import Database, affected_rows

rows = notifications.c

ERASED_PER_TRANSACTION = 1_000


# One statement for any number of messages, passed as one JSON document. All times are PostgreSQL's,
# because the clocks of workers may differ.
# The newest snapshot of each event is stored too. Only a newer snapshot touches its row: hundreds of
# confirmations of one event must not wait for each other.
# The release before sends no versions (0). Such a message is the newest on arrival: it ranks as the
# newest known version, and its snapshot (without "version") replaces the stored one until a message
# with the same or a higher version arrives.
RECORD = text("""
    WITH incoming AS MATERIALIZED (
        SELECT * FROM ROWS FROM (jsonb_to_recordset(CAST(:messages AS jsonb)) AS (
            id uuid, user_id uuid, kind text, dedup_key text, booking_id uuid, event_id uuid,
            data jsonb, request_id text, occurred_at timestamptz, version int, status text,
            is_sending boolean, last_error text, timeline jsonb, event_ends_at timestamptz
        )) WITH ORDINALITY AS incoming (
            id, user_id, kind, dedup_key, booking_id, event_id, data, request_id, occurred_at,
            said_version, status, is_sending, last_error, timeline, event_ends_at, ordinal
        )
    ), message AS MATERIALIZED (
        SELECT *, CASE WHEN said_version > 0 THEN said_version ELSE greatest(
            0,
            (SELECT version FROM event_snapshot AS kept WHERE kept.event_id = incoming.event_id),
            (SELECT max(before.said_version) FROM incoming AS before
                WHERE before.ordinal < incoming.ordinal AND (
                    before.event_id = incoming.event_id OR before.event_id IS NULL
                    AND incoming.event_id IS NULL AND before.user_id = incoming.user_id
                    AND before.kind = incoming.kind
                )),
            CASE WHEN incoming.event_id IS NULL THEN (
                SELECT max(version) FROM notification AS earlier
                WHERE earlier.user_id = incoming.user_id AND earlier.event_id IS NULL
                    AND earlier.kind = incoming.kind
            ) END
        ) END AS version
        FROM incoming
    ), snapshot AS (
        INSERT INTO event_snapshot AS known (event_id, version, snapshot, ends_at)
        SELECT DISTINCT ON (event_id) event_id, version,
            CASE WHEN said_version > 0 THEN data->'event' ELSE (data->'event') - 'version' END,
            event_ends_at
        FROM message
        WHERE event_id IS NOT NULL AND event_ends_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM event_snapshot AS kept
            WHERE kept.event_id = message.event_id AND (
                kept.version > message.version OR kept.version = message.version
                AND said_version > 0 AND kept.snapshot ? 'version'
            )
        )
        ORDER BY event_id, version DESC, ordinal DESC
        ON CONFLICT (event_id) DO UPDATE
        SET version = excluded.version, snapshot = excluded.snapshot, ends_at = excluded.ends_at
        WHERE known.version < excluded.version OR known.version = excluded.version
            AND NOT (known.snapshot ? 'version' AND excluded.snapshot ? 'version')
    )
    INSERT INTO notification (
        id, user_id, kind, dedup_key, booking_id, event_id, data, request_id, occurred_at, version,
        status, attempts, crashes, resends, fence, lease_until, next_attempt_at, last_error,
        timeline, created_at, wanted_at
    )
    SELECT
        id, user_id, kind, dedup_key, booking_id, event_id, data, request_id, occurred_at, version,
        status, is_sending::int, 0, 0, is_sending::int, CASE WHEN is_sending THEN now() + :lease END,
        now(), last_error, timeline, now(), now()
    FROM message
    ON CONFLICT DO NOTHING
    RETURNING id, version
""").bindparams(bindparam("messages", type_=Text), bindparam("lease", type_=Interval()))


async def record(
    connection: AsyncConnection, messages: Sequence[Incoming], *, lease: timedelta | None = None
) -> dict[UUID, int]:
    """Records the messages whose id and key are new. Returns their ids, each with the version that it
    ranks as.

    With ``lease`` the rows begin as ``sending`` and are claimed by the caller, which saves the claim's
    statement. A message with a fault is recorded as ``failed``.
    """
    document = json.dumps([_row(message, is_sending=lease is not None) for message in messages])
    recorded = await connection.execute(
        RECORD, {"messages": document, "lease": lease or timedelta(0)}
    )
    return {row.id: row.version for row in recorded}


def _row(message: Incoming, *, is_sending: bool) -> dict[str, Any]:
    is_sending = is_sending and message.fault is None
    status = MailStatus.SENDING if is_sending else MailStatus.QUEUED
    timeline = entry(MailStatus.QUEUED)
    if message.fault is not None:
        status = MailStatus.FAILED
    if status != MailStatus.QUEUED:
        timeline += entry(status, message.fault)
    return {
        "id": str(message.id),
        "user_id": message.user_id and str(message.user_id),
        "kind": message.kind,
        "dedup_key": message.dedup_key,
        "booking_id": message.booking_id and str(message.booking_id),
        "event_id": message.event_id and str(message.event_id),
        "data": message.data,
        "request_id": message.request_id,
        "occurred_at": message.occurred_at.isoformat(),
        "version": message.version,
        "event_ends_at": message.event_ends_at and message.event_ends_at.isoformat(),
        "status": status,
        "is_sending": is_sending,
        "last_error": message.fault,
        "timeline": timeline,
    }


async def accept(session: AsyncSession, message: Incoming) -> UUID:
    """Records a message for the sweep to send. Returns the id of its mail, which may be an earlier
    one."""
    connection = await session.connection()
    if await record(connection, [message]):
        return message.id
    existing = await session.execute(select(rows.id).where(rows.dedup_key == message.dedup_key))
    return UUID(str(existing.scalar_one()))


async def record_alias(connection: AsyncConnection, message: Incoming) -> None:
    """Records the id of a message with a known key, so that it does not count as missing."""
    alias = select(literal(message.id), rows.id, func.now()).where(
        rows.dedup_key == message.dedup_key, rows.id != message.id
    )
    await connection.execute(
        insert(seen_messages)
        .from_select(["id", "notification_id", "seen_at"], alias)
        .on_conflict_do_nothing()
    )


async def resend(
    session: AsyncSession, notification_id: UUID, *, user_id: UUID | None
) -> Notification:
    """Queues a finished mail again; an unfinished one stays as it is. Raises NotResendable."""
    notification = await get_own(session, notification_id, user_id, for_update=True)
    status = MailStatus(notification.status)
    if status in FINISHED:
        if not may_be_queued_again(status):
            raise NotResendable
        await queue_again(
            session, rows.id == notification_id, note="Asked for again.", is_resend=True
        )
        await session.refresh(notification)
    return notification


async def queue_again(
    session: AsyncSession, condition: ColumnElement[bool], *, note: str, is_resend: bool = False
) -> int:
    """Makes mails due at once and resets their attempts. Returns their number."""
    queued = await session.execute(
        update(notifications)
        .where(condition, rows.user_id.is_not(None))
        .values(
            status=MailStatus.QUEUED,
            attempts=0,
            crashes=0,
            resends=rows.resends + int(is_resend),
            fence=rows.fence + 1,
            lease_until=None,
            next_attempt_at=func.now(),
            waits_for=None,
            wanted_at=case((rows.status.in_(UNSENT), rows.wanted_at), else_=func.now()),
            give_up_at=None,
            sent_at=None,
            timeline=rows.timeline.op("||")(
                literal(entry(MailStatus.QUEUED, note), rows.timeline.type)
            ),
        )
    )
    return int(getattr(queued, "rowcount", 0))


async def erase_user(database: Database, user_id: UUID) -> None:
    """Drops a user's unsent mails, and deletes the data of all others and the preferences.

    In batches, each a transaction. The new fence tells a worker that has claimed such a mail that it
    must not send it. Safe to repeat.
    """
    while await database.run(partial(_erase_batch, user_id=user_id)) == ERASED_PER_TRANSACTION:
        pass
    async with database.transaction() as session:
        await session.execute(delete(preferences).where(preferences.c.user_id == user_id))


async def _erase_batch(session: AsyncSession, *, user_id: UUID) -> int:
    is_unsent = rows.status.in_(UNSENT)
    note = entry(MailStatus.DROPPED, "The account is gone.")
    batch = (
        select(rows.id)
        .where(rows.user_id == user_id, or_(is_unsent, rows.data != literal({}, rows.data.type)))
        .order_by(rows.id)
        .limit(ERASED_PER_TRANSACTION)
        .with_for_update()
        .scalar_subquery()
    )
    erased = await session.execute(
        update(notifications)
        .where(rows.id.in_(batch))
        .values(
            data={},
            told=None,
            status=case((is_unsent, MailStatus.DROPPED), else_=rows.status),
            fence=rows.fence + 1,
            lease_until=None,
            waits_for=None,
            timeline=case(
                (is_unsent, rows.timeline.op("||")(literal(note, rows.timeline.type))),
                else_=rows.timeline,
            ),
        )
    )
    return affected_rows(erased)


async def record_seen(session: AsyncSession, message_id: UUID) -> None:
    await session.execute(
        insert(seen_messages)
        .values(id=message_id, notification_id=None, seen_at=func.now())
        .on_conflict_do_nothing()
    )

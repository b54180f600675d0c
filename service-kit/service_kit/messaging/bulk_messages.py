"""Messages to many people at once: one INSERT ... SELECT, however many they are.

A row object for each recipient would keep the event loop busy inside the transaction, until PostgreSQL
ends it (``idle_in_transaction_session_timeout``), and every other request waits meanwhile.
"""

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    String,
    Uuid,
    bindparam,
    cast,
    func,
    insert,
    literal,
    literal_column,
    null,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit.clock import utc_now
from service_kit.database.engine import affected_rows
from service_kit.database.tables import table_of
from service_kit.messaging.outbox import OutboxRow

# A UUIDv7 (RFC 9562) by PostgreSQL itself, which has uuidv7() from 18 on only: 48 bits of milliseconds,
# then random ones; the two bits turn the version from 4 to 7.
NEW_ID_IN_SQL = (
    "encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing substring(int8send("
    "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),"
    " 52, 1), 53, 1), 'hex')::uuid"
)

# Some seconds for 30,000 rows on a busy machine, where a statement of a request usually has fewer.
ALLOW_LONG_STATEMENTS = text("SET LOCAL statement_timeout = '60s'")


async def write_notifications(
    session: AsyncSession,
    outbox: type[OutboxRow],
    recipients: Select[Any],
    *,
    topic: str,
    kind: str,
    data: dict[str, Any],
    version: int,
    not_before: datetime | None = None,
) -> int:
    """Writes the messages that ``service_kit.messaging.outbox.notification`` would make, one for each row of
    ``recipients``, in one statement; how many.

    ``recipients`` selects ``user_id`` (uuid), ``dedup_key`` (text) and ``data`` (jsonb object: what
    only this message holds, beside the ``data`` that all have in common).
    """
    table = table_of(outbox)
    now = utc_now()
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    one = recipients.subquery("recipient").c
    # MATERIALIZED, so that column and message name the same id.
    numbered = (
        select(_new_id().label("id"), one.user_id, one.dedup_key, one.data)
        .cte("numbered")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    row = numbered.c
    common = bindparam("common", value=data, type_=JSONB())
    message = json_object(
        id=row.id,
        topic=_text(topic),
        kind=_text(kind),
        user_id=row.user_id,
        dedup_key=row.dedup_key,
        version=literal(version),
        data=common.op("||")(row.data),
        occurred_at=_text(now.isoformat()),
        request_id=_text(request_id) if request_id is not None else null(),
    )
    chosen = select(
        row.id,
        _text("notifications.send"),
        _text(topic),
        message,
        _moment(now),
        _moment(not_before or now),
        literal(0),
    )
    columns = ["id", "task", "topic", "message", "created_at", "next_attempt_at", "attempts"]
    await session.execute(ALLOW_LONG_STATEMENTS)
    written = await session.execute(insert(table).from_select(columns, chosen))
    return affected_rows(written)


def _new_id() -> ColumnElement[Any]:
    return literal_column(NEW_ID_IN_SQL, Uuid())


def json_object(**values: Any) -> ColumnElement[Any]:
    """``jsonb_build_object`` of columns by name."""
    pairs: list[Any] = []
    for name, value in values.items():
        pairs += [literal_column(f"'{name}'"), value]
    return func.jsonb_build_object(*pairs)


def _text(value: str) -> ColumnElement[str]:
    return cast(literal(value), String)


def _moment(value: datetime) -> ColumnElement[datetime]:
    return cast(literal(value), DateTime(timezone=True))

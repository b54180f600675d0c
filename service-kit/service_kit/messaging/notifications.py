"""Messages for notification-service, as its contract (``messaging/contract.py``) wants them."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Select, bindparam, insert, literal, null, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit.clock import utc_now
from service_kit.database.bulk_inserts import (
    ALLOW_LONG_STATEMENTS,
    as_text,
    as_timestamp,
    json_object,
    new_id_in_sql,
)
from service_kit.database.engine import affected_rows
from service_kit.database.tables import table_of
from service_kit.ids import new_id
from service_kit.messaging.contract import (
    ADDRESS_CONFIRMED,
    ADDRESS_CONFIRMED_TOPIC,
    CONTRACT,
    ERASE_USER,
    ERASE_USER_TOPIC,
    MISSING_PATH,
    SEND,
    Kind,
)
from service_kit.messaging.outbox import OutboxRow, RowT
from service_kit.messaging.service_client import ServiceClient, ServiceUnavailable


def notification(
    outbox: Callable[..., RowT],
    *,
    kind: Kind,
    user_id: UUID,
    dedup_key: str,
    data: dict[str, Any],
    version: int,
    topic: str | None = None,
    not_before: datetime | None = None,
) -> RowT:
    """A message that a mail comes of, as a row of the outbox. ``outbox`` is the table's class, or what
    stands for one of its rows.

    ``data`` is a snapshot for the mail's text: JSON values, and never an address, a name or a
    token, because queue and Flower show it. ``dedup_key`` makes one mail of what is said twice.
    ``version`` is that of the subject (the event, or the account) at the moment of writing: of two
    messages about one subject the higher version is the later one, whatever clocks say. ``topic``
    is the kind's usual one unless given.
    """
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return _row(
        outbox,
        SEND,
        topic or CONTRACT[kind].topics[0],
        {
            "kind": kind,
            "user_id": str(user_id),
            "dedup_key": dedup_key,
            "version": version,
            "data": data,
            "request_id": request_id,
        },
        not_before,
    )


def shared_message(kind: Kind, *, data: dict[str, Any], version: int) -> dict[str, Any]:
    """What messages of a kind have in common, for a statement that writes many of them: it adds ``id``,
    ``user_id`` and ``dedup_key`` to each, and to ``data`` what only one holds. Their task is SEND.
    """
    return {
        "topic": CONTRACT[kind].topics[0],
        "kind": kind,
        "version": version,
        "data": data,
        "occurred_at": utc_now().isoformat(),
        "request_id": structlog.contextvars.get_contextvars().get("request_id"),
    }


def address_confirmed(outbox: Callable[..., RowT], user_id: UUID) -> RowT:
    """Says that mails which waited for the person's address may go out."""
    fields = {"user_id": str(user_id)}
    return _row(outbox, ADDRESS_CONFIRMED, ADDRESS_CONFIRMED_TOPIC, fields)


def erasure(outbox: Callable[..., RowT], user_id: UUID) -> RowT:
    """Says that all that is known of the person is to be forgotten."""
    return _row(outbox, ERASE_USER, ERASE_USER_TOPIC, {"user_id": str(user_id)})


def _row(
    outbox: Callable[..., RowT],
    task: str,
    topic: str,
    fields: dict[str, Any],
    not_before: datetime | None = None,
) -> RowT:
    message_id, now = new_id(), utc_now()
    common = {"id": str(message_id), "topic": topic, "occurred_at": now.isoformat()}
    return outbox(
        id=message_id,
        task=task,
        topic=topic,
        message=common | fields,
        created_at=now,
        next_attempt_at=not_before or now,
    )


async def write_notifications(
    session: AsyncSession,
    outbox: type[OutboxRow],
    recipients: Select[Any],
    *,
    kind: Kind,
    data: dict[str, Any],
    version: int,
    not_before: datetime | None = None,
) -> int:
    """Writes the messages that ``notification`` would make, one for each row of ``recipients``, in one
    statement; how many.

    ``recipients`` selects ``user_id`` (uuid), ``dedup_key`` (text) and ``data`` (jsonb object: what
    only this message holds, beside the ``data`` that all have in common).
    """
    table, now, topic = table_of(outbox), utc_now(), CONTRACT[kind].topics[0]
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    recipient = recipients.subquery("recipient").c
    # MATERIALIZED, so that column and message name the same id.
    numbered = (
        select(new_id_in_sql().label("id"), recipient.user_id, recipient.dedup_key, recipient.data)
        .cte("numbered")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    row = numbered.c
    common = bindparam("common", value=data, type_=JSONB())
    message = json_object(
        id=row.id,
        topic=as_text(topic),
        kind=as_text(kind),
        user_id=row.user_id,
        dedup_key=row.dedup_key,
        version=literal(version),
        data=common.op("||")(row.data),
        occurred_at=as_text(now.isoformat()),
        request_id=as_text(request_id) if request_id is not None else null(),
    )
    chosen = select(
        row.id,
        as_text(SEND),
        as_text(topic),
        message,
        as_timestamp(now),
        as_timestamp(not_before or now),
        literal(0),
    )
    columns = ["id", "task", "topic", "message", "created_at", "next_attempt_at", "attempts"]
    await session.execute(ALLOW_LONG_STATEMENTS)
    written = await session.execute(insert(table).from_select(columns, chosen))
    return affected_rows(written)


def find_missing_notifications(
    client: ServiceClient, notification_service_url: str
) -> Callable[[list[UUID]], Awaitable[list[UUID]]]:
    """For the relay: which of the messages notification-service has never seen."""

    async def find(ids: list[UUID]) -> list[UUID]:
        response = await client.request(
            "POST",
            f"{notification_service_url}{MISSING_PATH}",
            json={"ids": [str(one) for one in ids]},
        )
        if response.status_code != 200:
            raise ServiceUnavailable(f"missing answered {response.status_code}")
        return [UUID(one) for one in response.json()["missing"]]

    return find

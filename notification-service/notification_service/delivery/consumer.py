"""Consumes the messages on the queue."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from notification_service.delivery.claim import Claim, claim_due
from notification_service.delivery.context import WorkerContext
from notification_service.delivery.record import report_to_operators
from notification_service.delivery.service import deliver, deliver_batch
from notification_service.delivery.waiting import release
from notification_service.kinds.registry import KINDS
from notification_service.messages import service
from notification_service.messages.incoming import Incoming, UnreadableMessage, read_message
from notification_service.metrics import count_finished
from notification_service.statuses import MailStatus


class MalformedMessage(Exception):
    """A service put a message on the queue that cannot become a mail."""


async def receive(context: WorkerContext, messages: Sequence[object]) -> None:
    """Records messages and sends their mails. A known message is sent if it is due."""
    incoming = _readable(messages)
    if not incoming:
        return
    async with context.statement() as connection:
        new = await service.record(
            connection, list(incoming.values()), lease=context.settings.lease
        )
        known = [message for message in incoming.values() if message.id not in new]
        for message in known:
            await service.record_alias(connection, message)
    to_send = []
    for message in incoming.values():
        if message.id not in new:
            continue
        if message.fault is None:
            to_send.append(_claim(message, version=new[message.id]))
        else:
            count_finished(message.kind, MailStatus.FAILED)
            report_to_operators(
                MalformedMessage(), notification_id=str(message.id), kind=message.kind
            )
    await deliver_batch(context, await _with_earlier_mails(context, to_send))
    if known:
        await deliver(context, *(message.id for message in known))


async def _with_earlier_mails(context: WorkerContext, claims: list[Claim]) -> list[Claim]:
    """Earlier mails to the same user about the same event are sent first, if they are due."""
    ordered_ids = [claim.id for claim in claims if KINDS[claim.kind].keeps_order]
    if not ordered_ids:
        return claims
    async with context.statement() as connection:
        lease = context.settings.lease
        earlier = await claim_due(connection, (), lease=lease, related_to=ordered_ids)
    return earlier + claims


def _readable(messages: Sequence[object]) -> dict[UUID, Incoming]:
    """By id, so that a message that arrives twice in one batch is one."""
    incoming: dict[UUID, Incoming] = {}
    for message in messages:
        try:
            read = read_message(message)
        except UnreadableMessage as error:
            report_to_operators(error)
        else:
            incoming[read.id] = read
    return incoming


def _claim(incoming: Incoming, *, version: int) -> Claim:
    assert incoming.user_id is not None, "a message for nobody has a fault"
    return Claim(
        id=incoming.id,
        user_id=incoming.user_id,
        kind=incoming.kind,
        dedup_key=incoming.dedup_key,
        data=incoming.data,
        version=version,
        event_id=incoming.event_id,
        request_id=incoming.request_id,
        payload=incoming.payload,
    )


async def address_confirmed(context: WorkerContext, message: object) -> None:
    """Makes the mails due that waited for it. An unreadable message is reported and raises nothing."""
    ids = _ids_of(message)
    if ids is None:
        return
    message_id, user_id = ids
    async with context.statement() as connection:
        await release(connection, [user_id])
    async with context.database.transaction() as session:
        await service.record_seen(session, message_id)


async def erase_user(context: WorkerContext, message: object) -> None:
    """Erases a user's data. An unreadable message is reported and raises nothing."""
    ids = _ids_of(message)
    if ids is None:
        return
    message_id, user_id = ids
    await service.erase_user(context.database, user_id)
    async with context.database.transaction() as session:
        await service.record_seen(session, message_id)


def _ids_of(message: Any) -> tuple[UUID, UUID] | None:
    try:
        return UUID(message["id"]), UUID(message["user_id"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        report_to_operators(error)
        return None

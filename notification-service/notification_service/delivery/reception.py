"""What the tasks do: takes messages in, sends what is due, forgets who is gone."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from notification_service.delivery import queries
from notification_service.delivery.post_office import PostOffice
from notification_service.delivery.queries import Claim
from notification_service.delivery.results import tell_operators
from notification_service.delivery.service import deliver, deliver_batch
from notification_service.messages import service
from notification_service.messages.incoming import Incoming, UnreadableMessage, read_message

SWEEP_LIMIT = 500

log = structlog.get_logger()


class MalformedMessage(Exception):
    """A sender of ours put something on the queue that no mail can come of."""


async def receive(office: PostOffice, messages: Sequence[object]) -> None:
    """Keeps messages and sends their mails. What is known already is sent if it is due."""
    incoming = _readable(messages)
    if not incoming:
        return
    async with office.statement() as connection:
        new = await service.record(connection, list(incoming.values()), lease=office.settings.lease)
        known = [message for message in incoming.values() if message.id not in new]
        for message in known:
            await service.record_alias(connection, message)
    to_send = []
    for message_id in new:
        message = incoming[message_id]
        if message.fault is None:
            to_send.append(_held(message))
        else:
            tell_operators(MalformedMessage(), notification_id=str(message_id), kind=message.kind)
    await deliver_batch(office, to_send)
    for message in known:
        await deliver(office, message.id)


def _readable(messages: Sequence[object]) -> dict[UUID, Incoming]:
    """By id, so that a message that comes twice at once is one."""
    incoming: dict[UUID, Incoming] = {}
    for message in messages:
        try:
            read = read_message(message)
        except UnreadableMessage as error:
            tell_operators(error)
        else:
            incoming[read.id] = read
    return incoming


def _held(incoming: Incoming) -> Claim:
    assert incoming.user_id is not None, "a message for nobody has a fault"
    return Claim(
        id=incoming.id,
        user_id=incoming.user_id,
        kind=incoming.kind,
        dedup_key=incoming.dedup_key,
        data=incoming.data,
        request_id=incoming.request_id,
        content=incoming.content,
    )


async def sweep(office: PostOffice, put_on_queue: Callable[[list[UUID]], None]) -> int:
    """Puts on the queue what is due and not there; how many."""
    requeue_after = timedelta(seconds=office.settings.requeue_seconds)
    async with office.statement() as connection:
        due = await queries.take_due(connection, limit=SWEEP_LIMIT, requeue_after=requeue_after)
    if due:
        put_on_queue(due)
        log.info("mail.swept", count=len(due))
    return len(due)


async def erase_user(office: PostOffice, message: object) -> None:
    """Raises nothing over what cannot be read: it is told to the operators."""
    try:
        message_id, user_id = _ids(message)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        tell_operators(error)
        return
    async with office.database.transaction() as session:
        await service.erase_user(session, message_id, user_id)


def _ids(message: Any) -> tuple[UUID, UUID]:
    return UUID(message["id"]), UUID(message["user_id"])


async def tidy(office: PostOffice) -> None:
    """Deletes what is older than the settings say, a batch at a time."""
    async with office.statement() as connection:
        await queries.delete_old(connection, older_than=timedelta(days=office.settings.keep_days))

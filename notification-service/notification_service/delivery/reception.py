"""What the tasks do: takes messages in, sends what is due, forgets who is gone."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from notification_service.delivery import queries, waiting
from notification_service.delivery.post_office import PostOffice
from notification_service.delivery.queries import Claim, Due
from notification_service.delivery.results import tell_operators
from notification_service.delivery.service import deliver, deliver_batch
from notification_service.messages import service
from notification_service.messages.incoming import Incoming, UnreadableMessage, read_message
from notification_service.models import ErasedUser
from service_kit.messaging.queue_length import QUEUE_IS_FULL
from service_kit.web.erasures import purge_erasures

SWEEP_LIMIT = 200
LOOKED_UP_AT_ONCE = 100
TIDY_SECONDS = 20.0

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
    # As they came: a set has an order of its own.
    for message in incoming.values():
        if message.id not in new:
            continue
        if message.fault is None:
            to_send.append(_held(message, version=new[message.id]))
        else:
            tell_operators(MalformedMessage(), notification_id=str(message.id), kind=message.kind)
    await deliver_batch(office, await _with_what_goes_before(office, to_send))
    if known:
        await deliver(office, *(message.id for message in known))


async def _with_what_goes_before(office: PostOffice, batch: list[Claim]) -> list[Claim]:
    """A message that came while earlier ones about its event wait takes them along."""
    following = [held.id for held in batch if held.kind in queries.KEEPS_ORDER]
    if not following:
        return batch
    async with office.statement() as connection:
        lease = office.settings.lease
        earlier = await queries.claim(connection, (), lease=lease, with_those_of=following)
    return earlier + batch


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


def _held(incoming: Incoming, *, version: int) -> Claim:
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
        content=incoming.content,
    )


async def sweep(
    office: PostOffice,
    put_on_queue: Callable[[list[Due]], None],
    *,
    queue_length: Callable[[], Awaitable[int]] | None = None,
) -> bool:
    """Puts on the queue what is due and not there, unless the queue is full; whether there may be
    more."""
    if queue_length is not None and await queue_length() >= QUEUE_IS_FULL:
        return False
    requeue_after = timedelta(seconds=office.settings.requeue_seconds)
    async with office.statement() as connection:
        due = await queries.take_due(connection, limit=SWEEP_LIMIT, requeue_after=requeue_after)
    if due:
        await asyncio.to_thread(put_on_queue, due)
        log.info("mail.swept", count=len(due))
    return len(due) >= SWEEP_LIMIT


async def look_up_unconfirmed(office: PostOffice) -> bool:
    """Asks whether those have confirmed their address whose mails wait for it, each of them once and
    ever more seldom; whether there may be more. Usually auth-service has said so before."""
    async with office.statement() as connection:
        user_ids = await waiting.people_to_look_up(connection, limit=LOOKED_UP_AT_ONCE)
    if not user_ids:
        return False
    contacts = await office.contacts.find_many(user_ids)
    still = [
        user_id
        for user_id, contact in contacts.items()
        if contact is not None and contact.is_active and not contact.is_verified
    ]
    async with office.statement() as connection:
        await waiting.release(connection, [user for user in user_ids if user not in set(still)])
        await waiting.release_what_is_over(connection, still)
        await waiting.look_later(connection, still)
    return len(user_ids) == LOOKED_UP_AT_ONCE


async def address_confirmed(office: PostOffice, message: object) -> None:
    """What waited for it is due at once. Raises nothing over what cannot be read."""
    ids = _ids_of(message)
    if ids is None:
        return
    message_id, user_id = ids
    async with office.statement() as connection:
        await waiting.release(connection, [user_id])
    async with office.database.transaction() as session:
        await service.record_seen(session, message_id)


async def erase_user(office: PostOffice, message: object) -> None:
    """Raises nothing over what cannot be read: it is told to the operators."""
    ids = _ids_of(message)
    if ids is None:
        return
    message_id, user_id = ids
    await service.erase_user(office.database, user_id)
    async with office.database.transaction() as session:
        await service.record_seen(session, message_id)


def _ids_of(message: Any) -> tuple[UUID, UUID] | None:
    try:
        return UUID(message["id"]), UUID(message["user_id"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        tell_operators(error)
        return None


async def tidy(office: PostOffice) -> None:
    """Deletes what is older than the settings say, a batch at a time, for as long as a task may
    take; the next one goes on."""
    until = time.monotonic() + TIDY_SECONDS
    keep = timedelta(days=office.settings.keep_days)
    while time.monotonic() < until:
        async with office.statement() as connection:
            if not await queries.delete_old(connection, older_than=keep):
                break
    await purge_erasures(office.database, ErasedUser, office.settings)

"""One attempt at one mail: taken, written, sent, and its end written down.

The row says what happens next, whatever becomes of this process: it is ``sending`` under a lease
before the mail server hears of the mail, and only who still holds the lease may hand it over.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog

from notification_service.delivery import queries
from notification_service.delivery.outcomes import (
    Dropped,
    Failed,
    NotTried,
    Outcome,
    Postponed,
    Sent,
    Taken,
)
from notification_service.delivery.post_office import PostOffice
from notification_service.delivery.queries import Claim
from notification_service.delivery.results import may_have_gone, write_down
from notification_service.delivery.smtp import (
    DeliveryUnconfirmed,
    MailDeferred,
    MailRefused,
    MailServerAway,
)
from notification_service.delivery.writing import Ended, Known, Written, find_out, write
from notification_service.messages.contents import MalformedContent
from notification_service.rendering.mail import BadAddress, forget_lines
from notification_service.rendering.templates import forget_paragraphs
from service_kit.messaging.service_client import ServiceUnavailable

# Well within Celery's time limit, whatever the last of a batch meets.
BATCH_SECONDS = 5.0
NOT_SENT: dict[str, Outcome] = {
    "overtaken": Dropped("A later message took its place."),
    "outdated": NotTried(),
    "not-yet": NotTried(),
}

log = structlog.get_logger()


class KeepsCrashing(Exception):
    """The process died over a mail again and again."""


async def deliver(office: PostOffice, *ids: UUID) -> None:
    """Sends those of the mails that are due, after what goes before them. The others are somebody
    else's, or done with."""
    async with office.statement() as connection:
        held = await queries.claim(connection, ids, lease=office.settings.lease)
    if held:
        await deliver_batch(office, held)


async def deliver_batch(office: PostOffice, batch: Sequence[Claim]) -> None:
    """Sends mails one after the other, each written before the one that it follows is handed over.

    What does not get its turn in time goes back to the queue.
    """
    until = time.monotonic() + BATCH_SECONDS
    try:
        await _deliver_until(office, in_order(batch), until)
    finally:
        # What is known of readers is asked for each time, and kept nowhere.
        forget_lines()
        forget_paragraphs()


def in_order(batch: Sequence[Claim]) -> list[Claim]:
    """As they came; but a person's mails about one event in the order of its versions."""
    places: dict[object, list[int]] = {}
    for place, held in enumerate(batch):
        if held.event_id is not None:
            places.setdefault((held.user_id, held.event_id), []).append(place)
    ordered = list(batch)
    for some in places.values():
        by_version = sorted((batch[place] for place in some), key=lambda held: held.version)
        for place, held in zip(some, by_version, strict=True):
            ordered[place] = held
    return ordered


async def _deliver_until(office: PostOffice, batch: Sequence[Claim], until: float) -> None:
    known = await find_out(office, batch)
    ready: Written | None = None
    for held in batch:
        mail = await _attempt(office, held, until, known, partial(_write, office, held, known))
        if mail is None:
            continue
        if ready is not None:
            step = partial(_hand_over, office, ready, mail)
            await _attempt(office, ready.held, until, known, step)
        ready = mail
    if ready is not None:
        step = partial(_hand_over, office, ready, None)
        await _attempt(office, ready.held, until, known, step)
    if known.allowances.has_unused:
        async with office.statement() as connection:
            await known.allowances.give_back(connection)


async def _attempt(
    office: PostOffice,
    held: Claim,
    until: float,
    known: Known,
    step: Callable[[], Awaitable[Written | Outcome]],
) -> Written | None:
    """Takes a step. None if it was the mail's last one, in which case its end is written down."""
    started = time.perf_counter()
    with structlog.contextvars.bound_contextvars(request_id=held.request_id):
        try:
            result = await step() if time.monotonic() < until else NotTried()
        except Exception as error:
            result = _outcome(error)
        if isinstance(result, Written):
            return result
        if not may_have_gone(result):
            known.allowances.was_not_used(held)
        await write_down(office, held, result)
        log.info(
            "mail.attempted",
            notification_id=str(held.id),
            kind=held.kind,
            attempt=held.attempts,
            outcome=type(result).__name__.lower(),
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
        )
    return None


def _outcome(error: Exception) -> Outcome:
    """How an attempt ended that an exception ended. Raises what says nothing about the mail."""
    match error:
        case Ended(outcome=outcome):
            return outcome
        case MalformedContent(reason=reason) | MailRefused(reason=reason):
            return Failed(reason, error)
        case BadAddress():
            return Failed("The address of the account is not one that mail can go to.", error)
        case MailDeferred(reason=reason) | DeliveryUnconfirmed(reason=reason):
            return Postponed(reason, "the-mail", error)
        case MailServerAway(reason=reason):
            return Postponed(reason, "outage", error)
        case ServiceUnavailable():
            reason = "The accounts could not be asked for the address."
            return Postponed(reason, "outage", error)
    raise error


async def _write(office: PostOffice, held: Claim, known: Known) -> Written:
    if held.crashes >= office.settings.max_crashes:
        reason = "The sending process died over this mail again and again."
        raise Ended(Failed(reason, KeepsCrashing()))
    return await write(office, held, known)


async def _hand_over(office: PostOffice, mail: Written, following: Written | None) -> Outcome:
    server = office.mail_server
    server.begin(mail.recipient)
    # What is left to say takes at most two answers' time: to DATA, and to the mail itself.
    needed = timedelta(seconds=2 * office.settings.smtp_timeout_seconds)
    async with office.statement() as connection:
        answer = await queries.may_send(connection, mail.held, version=mail.version, needed=needed)
    if answer != "go":
        server.abandon()
        return Taken() if answer is None else NOT_SENT[answer]
    server.finish(mail.content, then=following.recipient if following else None)
    return Sent()

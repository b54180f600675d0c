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
from notification_service.delivery.results import write_down
from notification_service.delivery.smtp import (
    DeliveryUnconfirmed,
    MailDeferred,
    MailRefused,
    MailServerAway,
)
from notification_service.delivery.writing import Contacts, Ended, Written, write
from notification_service.messages.contents import MalformedContent
from notification_service.rendering.mail import BadAddress, forget_lines
from notification_service.rendering.templates import forget_paragraphs
from service_kit.service_client import ServiceUnavailable

# Well within Celery's time limit, whatever the last of a batch meets.
BATCH_SECONDS = 5.0
OVERTAKEN = "A later message took its place."

log = structlog.get_logger()


class KeepsCrashing(Exception):
    """The process died over a mail again and again."""


async def deliver(office: PostOffice, notification_id: UUID) -> None:
    """Sends a mail that is due, or does nothing: somebody else has it, or it is done with."""
    async with office.statement() as connection:
        held = await queries.claim(connection, notification_id, lease=office.settings.lease)
    if held is not None:
        await deliver_batch(office, [held])


async def deliver_batch(office: PostOffice, batch: Sequence[Claim]) -> None:
    """Sends mails one after the other, each written before the one that it follows is handed over.

    What does not get its turn in time goes back to the queue.
    """
    until = time.monotonic() + BATCH_SECONDS
    try:
        await _deliver_until(office, batch, until)
    finally:
        # What is known of readers is asked for each time, and kept nowhere.
        forget_lines()
        forget_paragraphs()


async def _deliver_until(office: PostOffice, batch: Sequence[Claim], until: float) -> None:
    contacts = await _find_readers(office, batch) if len(batch) > 1 else {}
    ready: Written | None = None
    for held in batch:
        mail = await _attempt(office, held, until, partial(_write, office, held, contacts))
        if mail is None:
            continue
        if ready is not None:
            await _attempt(office, ready.held, until, partial(_hand_over, office, ready, mail))
        ready = mail
    if ready is not None:
        await _attempt(office, ready.held, until, partial(_hand_over, office, ready, None))


async def _find_readers(office: PostOffice, batch: Sequence[Claim]) -> Contacts:
    try:
        return await office.contacts.find_many({held.user_id for held in batch})
    except ServiceUnavailable:
        # Each mail will hear the same by itself, and write it down.
        return {}


async def _attempt(
    office: PostOffice, held: Claim, until: float, step: Callable[[], Awaitable[Written | Outcome]]
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


async def _write(office: PostOffice, held: Claim, contacts: Contacts) -> Written:
    """``contacts`` are those that were asked for a moment ago."""
    if held.crashes >= office.settings.max_crashes:
        reason = "The sending process died over this mail again and again."
        raise Ended(Failed(reason, KeepsCrashing()))
    return await write(office, held, contacts)


async def _hand_over(office: PostOffice, mail: Written, following: Written | None) -> Outcome:
    server = office.mail_server
    server.begin(mail.recipient)
    # What is left to say takes at most two answers' time: to DATA, and to the mail itself.
    needed = timedelta(seconds=2 * office.settings.smtp_timeout_seconds)
    async with office.statement() as connection:
        allowed = await queries.may_send(connection, mail.held, needed=needed)
    if not allowed:
        server.abandon()
        return Taken() if allowed is None else Dropped(OVERTAKEN)
    server.finish(mail.content, then=following.recipient if following else None)
    return Sent()

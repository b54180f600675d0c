"""One attempt at one mail: taken, written, sent, and its end written down.

The row says what happens next, whatever becomes of this process: it is ``sending`` under a lease
before the mail server hears of the mail, and only who still holds the lease may hand it over.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from notification_service.delivery import queries
from notification_service.delivery.contacts import Contact
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
from notification_service.messages.contents import (
    AccountContent,
    Content,
    MalformedContent,
    read_content,
)
from notification_service.preferences.service import reminder_token
from notification_service.rendering.letter import Link, Reader
from notification_service.rendering.mail import (
    BadAddress,
    compose,
    message_id,
    recipient_address,
)
from service_kit.clock import utc_now
from service_kit.service_client import ServiceUnavailable

LINK_KINDS = ("verify-email", "reset-password")
# Well within Celery's time limit, whatever the last of a batch meets.
BATCH_SECONDS = 5.0
OVERTAKEN = "A later message took its place."

Contacts = Mapping[UUID, Contact | None]

log = structlog.get_logger()


class KeepsCrashing(Exception):
    """The process died over a mail again and again."""


async def deliver(office: PostOffice, notification_id: UUID) -> None:
    """Sends a mail that is due, or does nothing: somebody else has it, or it is done with."""
    async with office.statement() as connection:
        held = await queries.claim(connection, notification_id, lease=office.settings.lease)
    if held is not None:
        await deliver_held(office, held)


async def deliver_batch(office: PostOffice, batch: Sequence[Claim]) -> None:
    """Sends mails one after the other. What does not get its turn in time goes back to the queue."""
    started = time.monotonic()
    contacts = await _find_readers(office, batch) if len(batch) > 1 else {}
    for held in batch:
        if time.monotonic() - started > BATCH_SECONDS:
            await write_down(office, held, NotTried())
        else:
            await deliver_held(office, held, contacts)


async def _find_readers(office: PostOffice, batch: Sequence[Claim]) -> Contacts:
    try:
        return await office.contacts.find_many({held.user_id for held in batch})
    except ServiceUnavailable:
        # Each mail will hear the same by itself, and write it down.
        return {}


async def deliver_held(office: PostOffice, held: Claim, contacts: Contacts | None = None) -> None:
    """``contacts`` are those that were asked for a moment ago."""
    started = time.perf_counter()
    with structlog.contextvars.bound_contextvars(request_id=held.request_id):
        outcome = await _attempt(office, held, contacts or {})
        await write_down(office, held, outcome)
        log.info(
            "mail.attempted",
            notification_id=str(held.id),
            kind=held.kind,
            attempt=held.attempts,
            outcome=type(outcome).__name__.lower(),
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
        )


class _Ended(Exception):
    """Carries an outcome out of the steps of an attempt."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome = outcome


async def _attempt(office: PostOffice, held: Claim, contacts: Contacts) -> Outcome:
    try:
        if held.crashes >= office.settings.max_crashes:
            reason = "The sending process died over this mail again and again."
            return Failed(reason, KeepsCrashing())
        mail, recipient = await _write(office, held, contacts)
        return await _hand_over(office, held, mail, recipient)
    except _Ended as end:
        return end.outcome
    except MalformedContent as error:
        return Failed(error.reason, error)
    except BadAddress as error:
        return Failed("The address of the account is not one that mail can go to.", error)
    except MailRefused as error:
        return Failed(error.reason, error)
    except MailServerAway as error:
        is_about_the_mail = isinstance(error, MailDeferred | DeliveryUnconfirmed)
        return Postponed(error.reason, "the-mail" if is_about_the_mail else "outage", error)
    except ServiceUnavailable as error:
        return Postponed("The accounts could not be asked for the address.", "outage", error)


async def _write(office: PostOffice, held: Claim, contacts: Contacts) -> tuple[bytes, str]:
    """The mail and the address it goes to."""
    now = utc_now()
    content = read_content(held.kind, held.data)
    if content.is_pointless(now):
        raise _Ended(Dropped(content.pointless_note))
    unsubscribe_token = await _reminder_token(office, held)
    contact, address = await _find_reader(office, held, content, contacts)
    link = await _mint_link(office, held, address)
    recipient = recipient_address(address, contact.full_name)
    sender = office.settings.sender
    try:
        letter = office.writer.write(
            held.kind,
            content,
            Reader(contact.full_name, contact.locale),
            now=now,
            link=link,
            unsubscribe_token=unsubscribe_token,
        )
        identity = message_id(held.dedup_key, domain=sender.domain, resends=held.resends)
        mail = compose(letter, sender=sender, recipient=recipient, identity=identity, at=now)
    except Exception as error:
        # A fault of ours that would come again: people see it, and --retry follows the mend.
        raise _Ended(Failed("The mail could not be written; this is our fault.", error)) from error
    return mail, recipient.addr_spec


async def _reminder_token(office: PostOffice, held: Claim) -> str | None:
    if held.kind != "event-reminder":
        return None
    async with office.statement() as connection:
        token = await reminder_token(connection, held.user_id)
    if token is None:
        raise _Ended(Dropped("No reminders are wanted."))
    return token


async def _find_reader(
    office: PostOffice, held: Claim, content: Content, contacts: Contacts
) -> tuple[Contact, str]:
    if held.user_id in contacts:
        contact = contacts[held.user_id]
    else:
        contact = await office.contacts.find(held.user_id)
    if contact is None:
        raise _Ended(Dropped("The account is gone.", forget=True))
    if not contact.is_active:
        raise _Ended(Dropped("The account is closed."))
    if not isinstance(content, AccountContent):
        return contact, contact.email
    if content.address == "pending":
        if contact.pending_email is None:
            raise _Ended(Dropped("No new address is waiting to be confirmed."))
        return contact, contact.pending_email
    if held.kind == "email-change-notice" and contact.pending_email is None:
        # The address that was to be told is not known any more.
        raise _Ended(Dropped("The change of address is made or withdrawn."))
    if held.kind == "verify-email" and contact.is_verified:
        raise _Ended(Dropped("The address is confirmed already."))
    return contact, contact.email


async def _mint_link(office: PostOffice, held: Claim, address: str) -> Link | None:
    if held.kind not in LINK_KINDS:
        return None
    minted = await office.contacts.mint_token(held.user_id, held.kind, address=address)
    if minted is None:
        raise _Ended(Dropped("The account needs this link no more."))
    return Link(minted.token, minted.expires_at)


async def _hand_over(office: PostOffice, held: Claim, mail: bytes, recipient: str) -> Outcome:
    server = office.mail_server
    server.begin(recipient)
    # What is left to say takes at most two answers' time: to DATA, and to the mail itself.
    needed = timedelta(seconds=2 * office.settings.smtp_timeout_seconds)
    async with office.statement() as connection:
        allowed = await queries.may_send(connection, held, needed=needed)
    if not allowed:
        server.abandon()
        return Taken() if allowed is None else Dropped(OVERTAKEN)
    server.finish(mail)
    return Sent()

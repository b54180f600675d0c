"""Step 2, prepare: from a claimed mail to its bytes and the address that they go to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address

from celery.exceptions import SoftTimeLimitExceeded

from notification_service.delivery.allowances import AllowanceRequest
from notification_service.delivery.claim import Claim
from notification_service.delivery.contacts import Contact
from notification_service.delivery.context import WorkerContext
from notification_service.delivery.lookups import Lookups
from notification_service.delivery.outcome import Dropped, Failed, Outcome, Postponed, Waiting
from notification_service.delivery.recipients import choose_address
from notification_service.delivery.sql import statements
from notification_service.delivery.versions import full_change, update_event
from notification_service.kinds.base import Payload
from notification_service.kinds.bookings import BookingPayload
from notification_service.kinds.registry import MalformedPayload, read_payload
from notification_service.preferences.service import reminder_token
from notification_service.rendering.context import Link, Recipient
from notification_service.rendering.headers import UnsafeHeaders
from notification_service.rendering.mime import (
    InvalidAddress,
    compose,
    message_id,
    recipient_address,
)
from service_kit.clock import utc_now
from service_kit.database.errors import DATABASE_ERRORS
from service_kit.messaging.service_client import ServiceUnavailable

# For kinds that follow another mail: the time between both, and the next look for that mail.
FOLLOW_AFTER = timedelta(hours=1)
LOOK_AGAIN_AFTER = timedelta(minutes=5)
# They say nothing of the mail: its lease ends, and it is tried again.
PASSING_ERRORS: tuple[type[Exception], ...] = (*DATABASE_ERRORS, SoftTimeLimitExceeded)


@dataclass(frozen=True, slots=True)
class PreparedEmail:
    """A mail that is ready to be sent. ``version`` is the event's version in its text."""

    claim: Claim
    recipient: str
    content: bytes
    version: int


class RepeatedCrash(Exception):
    """The process crashed over one mail as often as ``max_crashes`` allows."""


async def prepare(
    context: WorkerContext, claim: Claim, lookups: Lookups
) -> PreparedEmail | Outcome:
    """The mail, or the outcome of the attempt if there is nothing to send (yet)."""
    if claim.crashes >= context.settings.max_crashes:
        reason = "The sending process died over this mail again and again."
        return Failed(reason, RepeatedCrash())
    try:
        return await _prepare(context, claim, lookups, utc_now())
    except MalformedPayload as error:
        return Failed(error.reason, error)
    except ServiceUnavailable as error:
        return Postponed("The accounts could not be asked for the address.", "outage", error)
    except PASSING_ERRORS:
        raise
    except Exception as error:
        # A defect of ours that another attempt would meet again: operators see it, and set the mail
        # going again after the fix. The other mails of the batch go out.
        return Failed("The mail could not be written; this is our fault.", error)


async def _prepare(
    context: WorkerContext, claim: Claim, lookups: Lookups, now: datetime
) -> PreparedEmail | Outcome:
    current = await _current_payload(context, claim, lookups, now)
    if isinstance(current, Outcome):
        return current
    payload, version = current
    addressee = await _find_addressee(context, claim, payload, lookups)
    if isinstance(addressee, Outcome):
        return addressee
    contact, address = addressee
    token = await _unsubscribe_token(context, claim, payload)
    if isinstance(token, Outcome):
        return token
    pause = await _pause(context, claim, payload)
    if pause is not None:
        return Waiting("confirmation", pause)
    refusal = await _request_allowance(context, lookups, AllowanceRequest(claim, contact, address))
    if refusal is not None:
        return refusal
    link = await _create_link(context, claim, payload, address)
    if isinstance(link, Outcome):
        return link
    # Anybody may have asked for a link, and chosen the account's name, for a stranger's address.
    name = None if payload.link_page else contact.full_name
    try:
        mailbox = recipient_address(address, name)
    except InvalidAddress as error:
        return Failed("The address of the account is not one that mail can go to.", error)
    recipient = Recipient(name, contact.locale)
    rendered = _render(context, claim, payload, recipient, mailbox, now, link, token)
    if isinstance(rendered, Outcome):
        return rendered
    return PreparedEmail(claim, mailbox.addr_spec, rendered, version)


async def _current_payload(
    context: WorkerContext, claim: Claim, lookups: Lookups, now: datetime
) -> tuple[Payload, int] | Outcome:
    """What the mail says by now, and the version of the event that it says it of. Raises
    MalformedPayload."""
    original = claim.payload or read_payload(claim.kind, claim.data)
    if original.tells_changes:
        async with context.sql() as connection:
            change = await full_change(connection, claim, lookups.newer_events)
        if isinstance(change, Outcome):
            return change
        payload, version = change
    else:
        payload, version = update_event(claim, original, lookups.newer_events)
    if payload.is_expired(now):
        return Dropped(payload.expired_note)
    if claim.has_waited and payload.is_over(now):
        return Dropped("The event was over.")
    note = payload.replaced_note(original, now)
    return (payload, version) if note is None else Dropped(note)


async def _find_addressee(
    context: WorkerContext, claim: Claim, payload: Payload, lookups: Lookups
) -> tuple[Contact, str] | Outcome:
    """The contact, and which of its addresses the mail goes to. Raises ServiceUnavailable."""
    if claim.user_id in lookups.contacts_by_user:
        contact = lookups.contacts_by_user[claim.user_id]
    else:
        contact = await context.contacts.find(claim.user_id)
    if contact is None:
        return Dropped("The account is gone.", forget=True)
    address = choose_address(payload, contact)
    return address if isinstance(address, Outcome) else (contact, address)


async def _unsubscribe_token(
    context: WorkerContext, claim: Claim, payload: Payload
) -> str | None | Outcome:
    """None for mails that one cannot unsubscribe from."""
    if not payload.is_optional:
        return None
    async with context.statement() as connection:
        token = await reminder_token(connection, claim.user_id)
    return token or Dropped("No reminders are wanted.")


async def _pause(context: WorkerContext, claim: Claim, payload: Payload) -> timedelta | None:
    """How long a mail waits because the one that it follows was just sent or is still to be sent; None
    if it need not wait."""
    if not isinstance(payload, BookingPayload) or payload.follows is None:
        return None
    async with context.sql() as connection:
        pause: timedelta | None = await statements.find_pause.value(
            connection,
            booking_id=payload.booking_id,
            user_id=claim.user_id,
            kind=payload.follows,
            follow_after=FOLLOW_AFTER,
            look_again_after=LOOK_AGAIN_AFTER,
        )
    return pause


async def _request_allowance(
    context: WorkerContext, lookups: Lookups, request: AllowanceRequest
) -> Waiting | None:
    allowances = lookups.allowances
    if not allowances.is_decided(request.claim):
        async with context.sql() as connection:
            await allowances.take(connection, [request])
    return allowances.refusal(request.claim)


async def _create_link(
    context: WorkerContext, claim: Claim, payload: Payload, address: str
) -> Link | None | Outcome:
    """None for mails without a secret link. Raises ServiceUnavailable."""
    if payload.link_page is None:
        return None
    token = await context.contacts.create_token(claim.user_id, claim.kind, address=address)
    if token is None:
        return Dropped("The account needs this link no more.")
    return Link(token.token, token.expires_at)


def _render(
    context: WorkerContext,
    claim: Claim,
    payload: Payload,
    recipient: Recipient,
    mailbox: Address,
    now: datetime,
    link: Link | None,
    unsubscribe_token: str | None,
) -> bytes | Failed:
    settings = context.settings
    try:
        content = context.renderer.render(
            payload, recipient, now=now, link=link, unsubscribe_token=unsubscribe_token
        )
        identity = message_id(claim.dedup_key, domain=settings.sender.domain, resends=claim.resends)
        return compose(
            content,
            sender=settings.sender_header,
            recipient=mailbox,
            identity=identity,
            at=now,
            request_id=claim.request_id,
        )
    except UnsafeHeaders as error:
        return Failed(error.reason, error)

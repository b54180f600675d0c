"""Step 2, prepare: from a claimed mail to its bytes and the address that they go to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address
from uuid import UUID

from sqlalchemy import case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.delivery.allowances import AllowanceRequest
from notification_service.delivery.claim import Claim
from notification_service.delivery.contacts import Contact
from notification_service.delivery.context import WorkerContext
from notification_service.delivery.lookups import Lookups
from notification_service.delivery.outcome import Dropped, Failed, Outcome, Postponed, Waiting
from notification_service.delivery.recipients import LINK_KINDS, choose_address
from notification_service.delivery.tables import rows
from notification_service.delivery.versions import CHANGE, full_change, update_event
from notification_service.messages.contents import (
    AccountContent,
    Content,
    EventSnapshot,
    MalformedContent,
    ReminderContent,
    read_content,
)
from notification_service.preferences.service import reminder_token
from notification_service.rendering.headers import UnsafeHead
from notification_service.rendering.letter import Link, Reader
from notification_service.rendering.mail import BadAddress, compose, message_id, recipient_address
from service_kit.clock import utc_now
from service_kit.database.statements import Statement, param
from service_kit.messaging.service_client import ServiceUnavailable

# A reminder is written a day before the event, and may be an hour early.
REMINDED_BEFORE_START = timedelta(hours=25)
REMINDER_AFTER_CONFIRMATION = timedelta(hours=1)
LOOK_FOR_CONFIRMATION_AFTER = timedelta(minutes=5)


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
    except MalformedContent as error:
        return Failed(error.reason, error)
    except ServiceUnavailable as error:
        return Postponed("The accounts could not be asked for the address.", "outage", error)


async def _prepare(
    context: WorkerContext, claim: Claim, lookups: Lookups, now: datetime
) -> PreparedEmail | Outcome:
    current = await _current_content(context, claim, lookups, now)
    if isinstance(current, Outcome):
        return current
    content, version = current
    contact = await _find_contact(context, claim, lookups)
    if isinstance(contact, Outcome):
        return contact
    which = content.address if isinstance(content, AccountContent) else None
    address = choose_address(claim, which, contact)
    if isinstance(address, Outcome):
        return address
    token = await _unsubscribe_token(context, claim, content)
    if isinstance(token, Outcome):
        return token
    refusal = await _request_allowance(context, lookups, AllowanceRequest(claim, contact, address))
    if refusal is not None:
        return refusal
    link = await _create_link(context, claim, address)
    if isinstance(link, Outcome):
        return link
    # Anybody may have asked for a link, and chosen the account's name, for a stranger's address.
    name = None if claim.kind in LINK_KINDS else contact.full_name
    try:
        recipient = recipient_address(address, name)
    except BadAddress as error:
        return Failed("The address of the account is not one that mail can go to.", error)
    reader = Reader(name, contact.locale)
    rendered = _render(context, claim, content, reader, recipient, now, link, token)
    if isinstance(rendered, Outcome):
        return rendered
    return PreparedEmail(claim, recipient.addr_spec, rendered, version)


async def _current_content(
    context: WorkerContext, claim: Claim, lookups: Lookups, now: datetime
) -> tuple[Content, int] | Outcome:
    """What the mail says by now, and the version of the event that it says it of. Raises
    MalformedContent."""
    content = claim.content or read_content(claim.kind, claim.data)
    own_event = getattr(content, "event", None)
    if claim.kind == CHANGE:
        async with context.statement() as connection:
            change = await full_change(connection, claim, lookups.newer_events)
        if isinstance(change, Outcome):
            return change
        content, version = change
    else:
        content, version = update_event(claim, content, lookups.newer_events)
    if content.is_pointless(now):
        return Dropped(content.pointless_note)
    if isinstance(own_event, EventSnapshot) and claim.has_waited and content.is_over(now):
        return Dropped("The event was over.")
    if isinstance(content, ReminderContent) and isinstance(own_event, EventSnapshot):
        starts_at = content.event.starts_at
        if starts_at != own_event.starts_at and starts_at - now > REMINDED_BEFORE_START:
            return Dropped("The event has moved; there will be another reminder.")
    return content, version


async def _find_contact(
    context: WorkerContext, claim: Claim, lookups: Lookups
) -> Contact | Outcome:
    """Raises ServiceUnavailable."""
    if claim.user_id in lookups.contacts_by_user:
        contact = lookups.contacts_by_user[claim.user_id]
    else:
        contact = await context.contacts.find(claim.user_id)
    return contact or Dropped("The account is gone.", forget=True)


async def _unsubscribe_token(
    context: WorkerContext, claim: Claim, content: Content
) -> str | None | Outcome:
    """For reminders, the only mails that one can unsubscribe from."""
    if not isinstance(content, ReminderContent):
        return None
    async with context.statement() as connection:
        token = await reminder_token(connection, claim.user_id)
        if token is None:
            return Dropped("No reminders are wanted.")
        pause = await _reminder_pause(connection, claim.user_id, content.booking_id)
    return token if pause is None else Waiting("confirmation", pause)


async def _request_allowance(
    context: WorkerContext, lookups: Lookups, request: AllowanceRequest
) -> Waiting | None:
    allowances = lookups.allowances
    if not allowances.is_decided(request.claim):
        async with context.statement() as connection:
            await allowances.take(connection, [request])
    return allowances.refusal(request.claim)


async def _create_link(context: WorkerContext, claim: Claim, address: str) -> Link | None | Outcome:
    """None for mails without a secret link. Raises ServiceUnavailable."""
    if claim.kind not in LINK_KINDS:
        return None
    token = await context.contacts.create_token(claim.user_id, claim.kind, address=address)
    if token is None:
        return Dropped("The account needs this link no more.")
    return Link(token.token, token.expires_at)


def _render(
    context: WorkerContext,
    claim: Claim,
    content: Content,
    reader: Reader,
    recipient: Address,
    now: datetime,
    link: Link | None,
    unsubscribe_token: str | None,
) -> bytes | Failed:
    settings = context.settings
    try:
        letter = context.writer.write(
            claim.kind, content, reader, now=now, link=link, unsubscribe_token=unsubscribe_token
        )
        identity = message_id(claim.dedup_key, domain=settings.sender.domain, resends=claim.resends)
        return compose(
            letter, sender=settings.sender_header, recipient=recipient, identity=identity, at=now
        )
    except UnsafeHead as error:
        return Failed(error.reason, error)
    except Exception as error:
        # A defect of ours that another attempt would meet again: operators see it, and set the mail
        # going again after the fix.
        return Failed("The mail could not be written; this is our fault.", error)


REMINDER_PAUSE = Statement(
    select(
        func.max(
            case(
                (
                    rows.status == "sent",
                    rows.sent_at + REMINDER_AFTER_CONFIRMATION - func.now(),
                ),
                else_=LOOK_FOR_CONFIRMATION_AFTER,
            )
        )
    ).where(
        rows.booking_id == param("of_booking"),
        rows.user_id == param("of_user"),
        rows.kind == "booking-confirmed",
        or_(
            rows.status.in_(("queued", "sending")),
            rows.sent_at > func.now() - REMINDER_AFTER_CONFIRMATION,
        ),
    )
)


async def _reminder_pause(
    connection: AsyncConnection, user_id: UUID, booking_id: UUID
) -> timedelta | None:
    """How long a reminder has to wait because the booking's confirmation was just sent or is still
    to be sent; None if it need not wait."""
    pause: timedelta | None = await REMINDER_PAUSE.value(
        connection, of_booking=booking_id, of_user=user_id
    )
    return pause

"""From a mail that is held to the bytes of it and the address that they go to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from notification_service.delivery.allowances import Allowances, Wish
from notification_service.delivery.contacts import Contact
from notification_service.delivery.outcomes import Dropped, Failed, Outcome, Waiting
from notification_service.delivery.post_office import PostOffice
from notification_service.delivery.queries import Claim, reminder_pause
from notification_service.delivery.versions import (
    CHANGE,
    NewerEvents,
    brought_up_to_date,
    newer_events,
    whole_change,
)
from notification_service.messages.contents import (
    AccountContent,
    Content,
    EventSnapshot,
    ReminderContent,
    read_content,
)
from notification_service.preferences.service import reminder_token
from notification_service.rendering.headers import UnsafeHead
from notification_service.rendering.letter import Link, Reader
from notification_service.rendering.mail import compose, message_id, recipient_address
from service_kit.clock import utc_now
from service_kit.messaging.service_client import ServiceUnavailable

LINK_KINDS = ("verify-email", "reset-password")
# Asked again after this, should the word that it is confirmed not come; then ever more seldom.
FIRST_LOOK_AFTER = timedelta(seconds=30)
# A reminder is written a day before the event, and may be an hour early.
REMINDED_BEFORE_START = timedelta(hours=25)
EVENT_OVER = "The event was over."

Contacts = Mapping[UUID, Contact | None]


@dataclass(frozen=True, slots=True)
class Written:
    """A mail that is ready to go, written of the event's ``version``."""

    held: Claim
    recipient: str
    content: bytes
    version: int


@dataclass(frozen=True, slots=True)
class Known:
    """What was asked for a batch at once."""

    allowances: Allowances
    contacts: Contacts = field(default_factory=dict)
    newer: NewerEvents = field(default_factory=dict)


class Ended(Exception):
    """Carries an outcome out of the steps of an attempt."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome = outcome


async def find_out(office: PostOffice, batch: Sequence[Claim]) -> Known:
    """Whatever the mails of a batch need to know, in a statement or request for all of them."""
    settings = office.settings
    allowances = Allowances(
        settings.mails_per_address_per_hour, settings.service_client_secret.get_secret_value()
    )
    contacts = await _find_readers(office, batch) if len(batch) > 1 else {}
    async with office.statement() as connection:
        newer = await newer_events(connection, batch)
        await allowances.take(connection, _wishes(batch, contacts))
    return Known(allowances, contacts, newer)


async def _find_readers(office: PostOffice, batch: Sequence[Claim]) -> Contacts:
    try:
        return await office.contacts.find_many({held.user_id for held in batch})
    except ServiceUnavailable:
        # Each mail will hear the same by itself, and write it down.
        return {}


def _wishes(batch: Sequence[Claim], contacts: Contacts) -> list[Wish]:
    wishes = []
    for held in batch:
        contact = contacts.get(held.user_id)
        if contact is None:
            continue
        try:
            address = _address(held, held.data.get("address"), contact)
        except Ended:
            continue
        wishes.append(Wish(held, contact, address))
    return wishes


async def write(office: PostOffice, held: Claim, known: Known) -> Written:
    """Raises Ended where no mail comes of it, and what the parts raise that it asks."""
    now = utc_now()
    content, version = await _content(office, held, known, now)
    contact = await _find_reader(office, held, known.contacts)
    pending = content.address if isinstance(content, AccountContent) else None
    address = _address(held, pending, contact)
    unsubscribe_token = await _reminder_token(office, held, content)
    await _ask_allowance(office, known.allowances, Wish(held, contact, address))
    link = await _mint_link(office, held, address)
    # Whoever asks for such a mail may have made the account, and its name, for a stranger's address.
    name = None if held.kind in LINK_KINDS else contact.full_name
    recipient = recipient_address(address, name)
    settings = office.settings
    try:
        letter = office.writer.write(
            held.kind,
            content,
            Reader(name, contact.locale),
            now=now,
            link=link,
            unsubscribe_token=unsubscribe_token,
        )
        identity = message_id(held.dedup_key, domain=settings.sender.domain, resends=held.resends)
        mail = compose(
            letter, sender=settings.sender_header, recipient=recipient, identity=identity, at=now
        )
    except UnsafeHead as error:
        raise Ended(Failed(error.reason, error)) from error
    except Exception as error:
        # A fault of ours that would come again: people see it, and --retry follows the mend.
        raise Ended(Failed("The mail could not be written; this is our fault.", error)) from error
    return Written(held, recipient.addr_spec, mail, version)


async def _content(
    office: PostOffice, held: Claim, known: Known, now: datetime
) -> tuple[Content, int]:
    """What the mail says by now, and the version of the event that it says it of."""
    content = held.content or read_content(held.kind, held.data)
    own_event = getattr(content, "event", None)
    if held.kind == CHANGE:
        async with office.statement() as connection:
            change = await whole_change(connection, held, known.newer)
        if isinstance(change, Dropped):
            raise Ended(change)
        content, version = change
    else:
        content, version = brought_up_to_date(held, content, known.newer)
    if content.is_pointless(now):
        raise Ended(Dropped(content.pointless_note))
    if isinstance(own_event, EventSnapshot) and held.was_held_back and content.is_over(now):
        raise Ended(Dropped(EVENT_OVER))
    if isinstance(content, ReminderContent) and isinstance(own_event, EventSnapshot):
        starts_at = content.event.starts_at
        if starts_at != own_event.starts_at and starts_at - now > REMINDED_BEFORE_START:
            raise Ended(Dropped("The event has moved; there will be another reminder."))
    return content, version


async def _reminder_token(office: PostOffice, held: Claim, content: Content) -> str | None:
    if not isinstance(content, ReminderContent):
        return None
    async with office.statement() as connection:
        token = await reminder_token(connection, held.user_id)
        if token is None:
            raise Ended(Dropped("No reminders are wanted."))
        pause = await reminder_pause(connection, held.user_id, content.booking_id)
    if pause is not None:
        raise Ended(Waiting("confirmation", pause))
    return token


async def _find_reader(office: PostOffice, held: Claim, contacts: Contacts) -> Contact:
    if held.user_id in contacts:
        contact = contacts[held.user_id]
    else:
        contact = await office.contacts.find(held.user_id)
    if contact is None:
        raise Ended(Dropped("The account is gone.", forget=True))
    return contact


def _address(held: Claim, which: object, contact: Contact) -> str:
    """Where the mail goes: to the address that is confirmed, but for what confirms one. Raises
    Ended."""
    if not contact.is_active:
        raise Ended(Dropped("The account is closed."))
    if which == "pending" and held.kind == "verify-email":
        if contact.pending_email is None:
            raise Ended(Dropped("No new address is waiting to be confirmed."))
        return contact.pending_email
    if held.kind == "email-change-notice" and contact.pending_email is None:
        # The address that was to be told is not known any more.
        raise Ended(Dropped("The change of address is made or withdrawn."))
    if held.kind == "verify-email" and contact.is_verified:
        raise Ended(Dropped("The address is confirmed already."))
    if held.kind not in LINK_KINDS and not contact.is_verified:
        raise Ended(Waiting("address", FIRST_LOOK_AFTER))
    return contact.email


async def _ask_allowance(office: PostOffice, allowances: Allowances, wish: Wish) -> None:
    if not allowances.knows(wish.held):
        async with office.statement() as connection:
            await allowances.take(connection, [wish])
    refusal = allowances.refusal(wish.held)
    if refusal is not None:
        raise Ended(refusal)


async def _mint_link(office: PostOffice, held: Claim, address: str) -> Link | None:
    if held.kind not in LINK_KINDS:
        return None
    minted = await office.contacts.mint_token(held.user_id, held.kind, address=address)
    if minted is None:
        raise Ended(Dropped("The account needs this link no more."))
    return Link(minted.token, minted.expires_at)

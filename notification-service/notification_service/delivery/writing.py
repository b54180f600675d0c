"""From a mail that is held to the bytes of it and the address that they go to."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from notification_service.delivery.contacts import Contact
from notification_service.delivery.outcomes import Dropped, Failed, Outcome
from notification_service.delivery.post_office import PostOffice
from notification_service.delivery.queries import Claim
from notification_service.messages.contents import AccountContent, Content, read_content
from notification_service.preferences.service import reminder_token
from notification_service.rendering.headers import UnsafeHead
from notification_service.rendering.letter import Link, Reader
from notification_service.rendering.mail import compose, message_id, recipient_address
from service_kit.clock import utc_now

LINK_KINDS = ("verify-email", "reset-password")

Contacts = Mapping[UUID, Contact | None]


@dataclass(frozen=True, slots=True)
class Written:
    """A mail that is ready to go."""

    held: Claim
    recipient: str
    content: bytes


class Ended(Exception):
    """Carries an outcome out of the steps of an attempt."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome = outcome


async def write(office: PostOffice, held: Claim, contacts: Contacts) -> Written:
    """Raises Ended where no mail comes of it, and what the parts raise that it asks."""
    now = utc_now()
    content = held.content or read_content(held.kind, held.data)
    if content.is_pointless(now):
        raise Ended(Dropped(content.pointless_note))
    unsubscribe_token = await _reminder_token(office, held)
    contact, address = await _find_reader(office, held, content, contacts)
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
    return Written(held, recipient.addr_spec, mail)


async def _reminder_token(office: PostOffice, held: Claim) -> str | None:
    if held.kind != "event-reminder":
        return None
    async with office.statement() as connection:
        token = await reminder_token(connection, held.user_id)
    if token is None:
        raise Ended(Dropped("No reminders are wanted."))
    return token


async def _find_reader(
    office: PostOffice, held: Claim, content: Content, contacts: Contacts
) -> tuple[Contact, str]:
    if held.user_id in contacts:
        contact = contacts[held.user_id]
    else:
        contact = await office.contacts.find(held.user_id)
    if contact is None:
        raise Ended(Dropped("The account is gone.", forget=True))
    if not contact.is_active:
        raise Ended(Dropped("The account is closed."))
    if not isinstance(content, AccountContent):
        return contact, contact.email
    if content.address == "pending":
        if contact.pending_email is None:
            raise Ended(Dropped("No new address is waiting to be confirmed."))
        return contact, contact.pending_email
    if held.kind == "email-change-notice" and contact.pending_email is None:
        # The address that was to be told is not known any more.
        raise Ended(Dropped("The change of address is made or withdrawn."))
    if held.kind == "verify-email" and contact.is_verified:
        raise Ended(Dropped("The address is confirmed already."))
    return contact, contact.email


async def _mint_link(office: PostOffice, held: Claim, address: str) -> Link | None:
    if held.kind not in LINK_KINDS:
        return None
    minted = await office.contacts.mint_token(held.user_id, held.kind, address=address)
    if minted is None:
        raise Ended(Dropped("The account needs this link no more."))
    return Link(minted.token, minted.expires_at)

"""Which address a mail goes to."""

from datetime import timedelta

from notification_service.delivery.contacts import Contact
from notification_service.delivery.outcome import Dropped, Outcome, Waiting
from notification_service.kinds.base import Payload

# The first look-up in case the message that the address is confirmed does not come; later ones are
# ever further apart.
FIRST_LOOK_UP_AFTER = timedelta(seconds=30)


def choose_address(payload: Payload, contact: Contact) -> str | Outcome:
    """The address that the mail goes to, or an outcome if there is none to send to."""
    if not contact.is_active:
        return Dropped("The account is closed.")
    note = payload.unneeded_note(contact)
    if note is not None:
        return Dropped(note)
    if payload.needs_verified_address and not contact.is_verified:
        return Waiting("address", FIRST_LOOK_UP_AFTER)
    return payload.recipient_email(contact)

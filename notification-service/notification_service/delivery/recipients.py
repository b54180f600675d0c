"""Which address a mail goes to."""

from datetime import timedelta

from notification_service.delivery.claim import Claim
from notification_service.delivery.contacts import Contact
from notification_service.delivery.outcome import Dropped, Outcome, Waiting

# Mails with a secret link; they are the only ones that go to an unconfirmed address.
LINK_KINDS = ("verify-email", "reset-password")
# The first look-up in case the message that the address is confirmed does not come; later ones are
# ever further apart.
FIRST_LOOK_UP_AFTER = timedelta(seconds=30)


def choose_address(claim: Claim, which: object, contact: Contact) -> str | Outcome:
    """The account's address, or the new one that ``verify-email`` is to confirm (``which`` is
    "pending"); an outcome if there is none to send to."""
    if not contact.is_active:
        return Dropped("The account is closed.")
    if which == "pending" and claim.kind == "verify-email":
        if contact.pending_email is None:
            return Dropped("No new address is waiting to be confirmed.")
        return contact.pending_email
    if claim.kind == "email-change-notice" and contact.pending_email is None:
        # Auth-service no longer knows the address that was to be notified.
        return Dropped("The change of address is made or withdrawn.")
    if claim.kind == "verify-email" and contact.is_verified:
        return Dropped("The address is confirmed already.")
    if claim.kind not in LINK_KINDS and not contact.is_verified:
        return Waiting("address", FIRST_LOOK_UP_AFTER)
    return contact.email

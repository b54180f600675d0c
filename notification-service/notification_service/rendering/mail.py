"""From a letter to the bytes that go to the mail server."""

import hashlib
import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8

from notification_service.messages.contents import one_line
from notification_service.rendering.letter import Letter

# Seven bits pass every server; only an address of another alphabet needs more.
PLAIN = SMTP.clone(cte_type="7bit")
INTERNATIONAL = SMTPUTF8.clone(cte_type="7bit")

_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


class BadAddress(Exception):
    """No mail can go to an address like this."""


def recipient_address(email: str, name: str | None) -> Address:
    """The domain as the DNS knows it, the name without anything that could end a header."""
    local, _, domain = str(one_line(email)).rpartition("@")
    try:
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode()
        if not local or not _DOMAIN.fullmatch(ascii_domain):
            raise ValueError
        return Address(str(one_line(name or "")), local, ascii_domain)
    except (ValueError, IndexError) as error:
        raise BadAddress from error


def message_id(dedup_key: str, *, domain: str, resends: int = 0) -> str:
    """The same for every attempt at a mail, so that a copy is known for one; another for a copy that
    was asked for, which a mailbox would hide otherwise."""
    name = dedup_key if not resends else f"{dedup_key}#{resends}"
    return f"<{hashlib.sha256(name.encode()).hexdigest()[:32]}@{domain}>"


def compose(
    letter: Letter, *, sender: Address, recipient: Address, identity: str, at: datetime
) -> bytes:
    message = EmailMessage(policy=PLAIN if recipient.addr_spec.isascii() else INTERNATIONAL)
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = letter.subject
    message["Date"] = at
    message["Message-ID"] = identity
    message["Auto-Submitted"] = "auto-generated"
    if letter.unsubscribe_url:
        message["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    _, html = message.iter_parts()
    for cid, png in letter.images.items():
        html.add_related(
            png,
            "image",
            "png",
            cid=f"<{cid}>",
            disposition="inline",
            filename=f"{cid.partition('@')[0]}.png",
        )
    if letter.calendar is not None:
        message.add_attachment(
            letter.calendar.decode(),
            subtype="calendar",
            filename="event.ics",
            params={"method": "PUBLISH"},
        )
    # Set last: making a mail multipart moves headers of this name to the first part.
    message["Content-Language"] = letter.locale
    return message.as_bytes()

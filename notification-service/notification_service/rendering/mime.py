"""Builds the MIME message (RFC 2045) that goes to the mail server.

User text is only in headers made by ``headers.py`` and in encoded bodies. The finished headers are
checked before the mail is sent.
"""

import hashlib
import quopri
import re
import secrets
from datetime import datetime
from email.encoders import encode_base64
from email.headerregistry import Address
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import Compat32
from email.utils import format_datetime, parseaddr
from typing import Any

from notification_service.rendering.headers import address_header, check_headers, text_header
from notification_service.rendering.renderer import EmailContent
from notification_service.rendering.texts import one_line
from service_kit.domains import ascii_domain

_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
# The headers of every mail; the Content-Type of the first part follows.
HEADER_NAMES = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "Content-Language",
    "MIME-Version",
)
REQUEST_HEADER = "X-Request-ID"
UNSUBSCRIBE_HEADERS = ("List-Unsubscribe", "List-Unsubscribe-Post")


class PartsPolicy(Compat32):
    """Writes the headers of parts without folding: they are ASCII, short and contain no user text. To fold
    them would nearly double the time of ``compose``."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        return f"{name}: {value}\r\n".encode("ascii")


PARTS = PartsPolicy(linesep="\r\n", mangle_from_=False)


class InvalidAddress(Exception):
    """The address is not one that mail can be sent to."""


def recipient_address(email: str, name: str | None) -> Address:
    """The address with its domain in ASCII (IDNA2008) and the name on one line. Raises
    InvalidAddress."""
    local, _, domain = str(one_line(email)).rpartition("@")
    try:
        # A domain in ASCII is not checked further: one with an underscore, say, gets its mail.
        known_to_dns = ascii_domain(domain)
        if not local or not _DOMAIN.fullmatch(known_to_dns):
            raise ValueError
        return Address(str(one_line(name or "")), local, known_to_dns)
    except (ValueError, IndexError) as error:
        raise InvalidAddress from error


def message_id(dedup_key: str, *, domain: str, resends: int = 0) -> str:
    """The same for every attempt, so that mail systems recognise a duplicate; a new one for each resend,
    which they would hide otherwise."""
    name = dedup_key if not resends else f"{dedup_key}#{resends}"
    return f"<{hashlib.sha256(name.encode()).hexdigest()[:32]}@{domain}>"


def compose(
    content: EmailContent,
    *,
    sender: str,
    recipient: Address,
    identity: str,
    at: datetime,
    request_id: str | None = None,
) -> bytes:
    """The whole mail, in ASCII unless the recipient's address is not (RFC 6532). Raises
    UnsafeHeaders.

    ``request_id``: of the request that the mail comes from, as ``service_kit.ids`` allows it.
    """
    headers = [
        address_header("From", *parseaddr(sender)),
        address_header("To", recipient.display_name, recipient.addr_spec),
        text_header("Subject", content.subject),
        _fixed("Date", format_datetime(at)),
        _fixed("Message-ID", identity),
        _fixed("Auto-Submitted", "auto-generated"),
        _fixed("Content-Language", content.locale),
        _fixed("MIME-Version", "1.0"),
    ]
    expected: tuple[str, ...] = HEADER_NAMES
    if request_id is not None:
        headers.append(_fixed(REQUEST_HEADER, request_id))
        expected += (REQUEST_HEADER,)
    if content.unsubscribe_url:
        headers.append(_fixed("List-Unsubscribe", f"<{content.unsubscribe_url}>"))
        headers.append(_fixed("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
        expected += UNSUBSCRIBE_HEADERS
    mail = b"".join(headers) + _body(content).as_bytes(policy=PARTS)
    check_headers(mail, (*expected, "Content-Type"), is_ascii=recipient.username.isascii())
    return mail


def _fixed(name: str, value: str) -> bytes:
    """A header without user text: ASCII and short."""
    return f"{name}: {value}\r\n".encode("ascii")


def _body(content: EmailContent) -> MIMEBase:
    """mixed [ alternative [ text, related [ HTML, images ] ], calendar ]; without images or calendar
    their level is left out."""
    html: MIMEBase = _text("html", content.html)
    if content.images:
        images = [_image(cid, png) for cid, png in content.images.items()]
        html = _multipart("related", html, *images)
    body = _multipart("alternative", _text("plain", content.text), html)
    if content.calendar is not None:
        body = _multipart("mixed", body, _calendar(content.calendar, content.calendar_method))
    # compose() writes it.
    del body["MIME-Version"]
    return body


def _multipart(subtype: str, *parts: MIMEBase) -> MIMEMultipart:
    """The boundary cannot be guessed, and its ``=_`` stands in no encoded part."""
    return MIMEMultipart(subtype, f"=_{secrets.token_hex(15)}", parts)


def _text(subtype: str, text: str) -> MIMEBase:
    part = MIMENonMultipart("text", subtype, charset="utf-8")
    encoded = text.encode()
    if len(encoded) > 1.2 * len(text):
        # For text that is mostly not ASCII base64 is shorter than quoted-printable.
        part.set_payload(encoded.replace(b"\n", b"\r\n"))
        encode_base64(part)
    else:
        part["Content-Transfer-Encoding"] = "quoted-printable"
        part.set_payload(quopri.encodestring(encoded).decode("ascii"))
    return part


def _image(cid: str, png: bytes) -> MIMEBase:
    name = f"{cid.partition('@')[0]}.png"
    part = MIMEImage(png, "png", name=name)
    part["Content-ID"] = f"<{cid}>"
    part.add_header("Content-Disposition", "inline", filename=name)
    return part


def _calendar(content: bytes, method: str) -> MIMEBase:
    part = MIMENonMultipart("text", "calendar", charset="utf-8", method=method, name="event.ics")
    part.set_payload(content)
    encode_base64(part)
    part.add_header("Content-Disposition", "attachment", filename="event.ics")
    return part

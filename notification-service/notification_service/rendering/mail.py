"""From a letter to the bytes that go to the mail server.

What people wrote stands in the headers of ``headers.py`` and in encoded bodies, nowhere else. The parts
are put together here: ``email.mime`` takes 1.1 ms for a confirmation that takes 0.07 ms here, of the
2 ms that the whole mail may take. The finished head is checked before anybody gets it.
"""

import base64
import binascii
import hashlib
import re
from datetime import datetime
from email.headerregistry import Address
from email.utils import format_datetime, parseaddr
from functools import lru_cache

import idna

from notification_service.rendering.headers import address_header, check_head, text_header
from notification_service.rendering.renderer import EmailContent
from notification_service.rendering.texts import one_line

_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_KEPT_HEADERS = 512
_KEPT_LINES = 2048
# What each head has, and nothing else; the first part's Content-Type ends it.
HEAD = (
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language", "MIME-Version"
)  # fmt: skip
UNSUBSCRIBING = ("List-Unsubscribe", "List-Unsubscribe-Post")
CRLF = b"\r\n"


class BadAddress(Exception):
    """No mail can go to an address like this."""


def recipient_address(email: str, name: str | None) -> Address:
    """The domain as the DNS knows it (IDNA2008: ``faß.de`` is not ``fass.de``), the name without
    anything that could end a header. Raises BadAddress."""
    local, _, domain = str(one_line(email)).rpartition("@")
    try:
        # Beyond ASCII nothing else is asked of it: a domain with an underscore, say, gets its mail.
        ascii_domain = domain if domain.isascii() else _ascii_domain(domain)
        if not local or not _DOMAIN.fullmatch(ascii_domain):
            raise ValueError
        return Address(str(one_line(name or "")), local, ascii_domain)
    except (ValueError, IndexError) as error:
        raise BadAddress from error


def _ascii_domain(domain: str) -> str:
    return idna.encode(domain, uts46=True, transitional=False).decode()


def message_id(dedup_key: str, *, domain: str, resends: int = 0) -> str:
    """The same for every attempt at a mail, so that a copy is known for one; another for a copy that
    was asked for, which a mailbox would hide otherwise."""
    name = dedup_key if not resends else f"{dedup_key}#{resends}"
    return f"<{hashlib.sha256(name.encode()).hexdigest()[:32]}@{domain}>"


def compose(
    content: EmailContent, *, sender: str, recipient: Address, identity: str, at: datetime
) -> bytes:
    """The whole mail, in seven bits but for a recipient of another alphabet (RFC 6532). Raises
    UnsafeHead if its head is not the one that was meant."""
    headers = [
        _sender(sender),
        address_header("To", recipient.display_name, recipient.addr_spec),
        _subject(content.subject),
        _fixed("Date", format_datetime(at)),
        _fixed("Message-ID", identity),
        _fixed("Auto-Submitted", "auto-generated"),
        _fixed("Content-Language", content.locale),
        _fixed("MIME-Version", "1.0"),
    ]
    expected: tuple[str, ...] = HEAD
    if content.unsubscribe_url:
        headers.append(_fixed("List-Unsubscribe", f"<{content.unsubscribe_url}>"))
        headers.append(_fixed("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
        expected += UNSUBSCRIBING
    mail = b"".join(headers) + _body(content, seed=identity)
    check_head(mail, (*expected, "Content-Type"), is_ascii=recipient.username.isascii())
    return mail


@lru_cache(maxsize=_KEPT_HEADERS)
def _sender(sender: str) -> bytes:
    return address_header("From", *parseaddr(sender))


@lru_cache(maxsize=_KEPT_HEADERS)
def _subject(subject: str) -> bytes:
    """Kept, because many mails about an event come together."""
    return text_header("Subject", subject)


def _fixed(name: str, value: str) -> bytes:
    """A header of our own making, which is ASCII and short."""
    return f"{name}: {value}\r\n".encode("ascii")


def _body(content: EmailContent, *, seed: str) -> bytes:
    """mixed [ alternative [ text, related [ HTML, images ] ], calendar ], as far as there are any."""
    html = _text("html", content.html)
    if content.images:
        images = [_image(cid, png) for cid, png in content.images.items()]
        html = _multipart("related", [html, *images], seed)
    body = _multipart("alternative", [_text("plain", content.text), html], seed)
    if content.calendar is not None:
        body = _multipart(
            "mixed", [body, _calendar(content.calendar, content.calendar_method)], seed
        )
    return body


def _multipart(kind: str, parts: list[bytes], seed: str) -> bytes:
    """The boundary is a hash that no part can know of; its ``=_`` stands in no encoded part."""
    boundary = "=_" + hashlib.sha256(f"{kind}{seed}".encode()).hexdigest()[:30]
    line = f"--{boundary}".encode()
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
    inner = b"".join(line + CRLF + part + CRLF for part in parts)
    return head + inner + line + b"--" + CRLF


def _text(subtype: str, text: str) -> bytes:
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\n".encode()
    content = text.encode()
    if len(content) > 1.2 * len(text):
        # Of another alphabet: here base64 is shorter, and no less readable.
        return head + _base64(content.replace(b"\n", CRLF))
    quoted = CRLF.join(map(_quoted, content.split(b"\n")))
    return head + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quoted


# Most lines of a mail stand in every other mail of its kind.
@lru_cache(maxsize=_KEPT_LINES)
def _quoted(line: bytes) -> bytes:
    return binascii.b2a_qp(line, istext=True).replace(b"\n", CRLF)


def forget_lines() -> None:
    """After a batch: among them are names, ticket codes and links that reset passwords."""
    _quoted.cache_clear()


def _image(cid: str, png: bytes) -> bytes:
    name = f"{cid.partition('@')[0]}.png"
    head = (
        f'Content-Type: image/png; name="{name}"\r\nContent-ID: <{cid}>\r\n'
        f'Content-Disposition: inline; filename="{name}"\r\n'
    )
    return head.encode() + _base64(png)


def _calendar(content: bytes, method: str) -> bytes:
    head = (
        f'Content-Type: text/calendar; charset=utf-8; method={method}; name="event.ics"\r\n'
        'Content-Disposition: attachment; filename="event.ics"\r\n'
    )
    return head.encode() + _base64(content)


def _base64(content: bytes) -> bytes:
    lines = base64.encodebytes(content).replace(b"\n", CRLF)
    return b"Content-Transfer-Encoding: base64\r\n\r\n" + lines

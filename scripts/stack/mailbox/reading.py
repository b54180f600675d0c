"""A mail as people read it: its line in the list, its text, its HTML, its attachments."""

import base64
import email
import email.header
import re
from collections.abc import Iterator
from contextlib import suppress
from email.message import Message
from functools import lru_cache
from typing import Any
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from stack.mailbox.mailhog_json import Json, text
from stack.mailbox.store import Mail

BLANK_LINE = re.compile(rb"\n\r?\n")
CONTENT_ID = re.compile(rb"cid:([^\s\"'<>()]+)", re.IGNORECASE)
HEAD = re.compile(rb"<head(\s[^>]*)?>", re.IGNORECASE)
IMAGE = re.compile(r"image/[a-z0-9.+-]+")

# Caches whose entries go when their mail goes.
_summaries: WeakKeyDictionary[Mail, Json] = WeakKeyDictionary()
_texts: WeakKeyDictionary[Mail, str] = WeakKeyDictionary()


def decoded(header: Any) -> str:
    """The text of a header, which may be encoded words or raw UTF-8, on one line."""
    value = text(str(header or "").encode("utf-8", "surrogateescape"))
    with suppress(ValueError, LookupError):
        value = str(email.header.make_header(email.header.decode_header(value)))
    return re.sub(r"\s+", " ", value).strip()


def raw_headers(whole: Message) -> list[tuple[str, str]]:
    # Message.items() would turn raw UTF-8 into question marks.
    return [(name, decoded(value)) for name, value in whole.raw_items()]


def summary(mail: Mail) -> Json:
    """What the page's list says of a mail."""
    fields = _summaries.get(mail)
    if fields is None:
        # Unlike MailHog's JSON, people see the subject also where bare line feeds end the lines.
        blank = BLANK_LINE.search(mail.data)
        head = mail.data[: blank.start()] if blank else mail.data
        headers = {
            name.lower(): value for name, value in raw_headers(email.message_from_bytes(head))
        }
        fields = _summaries[mail] = {
            "id": mail.id,
            "received_at": mail.received_at.isoformat(),
            "sender": headers.get("from") or mail.sender,
            "recipients": ", ".join(mail.recipients),
            "subject": headers.get("subject", ""),
        }
    return fields


def holds(mail: Mail, query: str) -> bool:
    """Whether all words of ``query`` are in what is listed or in the text, in any case."""
    words = query.lower().split()
    fields = summary(mail)
    listed = f"{fields['subject']} {fields['sender']} {fields['recipients']}".lower()
    return all(word in listed for word in words) or all(
        word in listed or word in _text(mail) for word in words
    )


def _text(mail: Mail) -> str:
    if mail not in _texts:
        parts = [part for _, part in leaves(email.message_from_bytes(mail.data)) if _is_text(part)]
        _texts[mail] = " ".join(map(text_of, parts)).lower()
    return _texts[mail]


@lru_cache(maxsize=8)
def _opened(mail: Mail) -> Message:
    """Cached for the mails that somebody reads: a browser asks for their parts one by one."""
    return email.message_from_bytes(mail.data)


def leaves(whole: Message) -> Iterator[tuple[int, Message]]:
    """The parts with their numbers in ``walk``; a mail within the mail counts as one."""
    inside: set[int] = set()
    for number, part in enumerate(whole.walk()):
        if id(part) in inside:
            continue
        if number and part.get_content_type() == "message/rfc822":
            inside.update(id(inner) for inner in part.walk())
            yield number, part
        elif not part.is_multipart():
            yield number, part


def _is_text(part: Message) -> bool:
    return part.get_content_maintype() == "text" and not filename(part)


def filename(part: Message) -> str:
    with suppress(ValueError, LookupError):
        return decoded(part.get_filename())
    return ""


def content(part: Message) -> bytes:
    if part.get_content_type() == "message/rfc822" and part.is_multipart():
        inner = part.get_payload(0)
        return inner.as_bytes() if isinstance(inner, Message) else b""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def text_of(part: Message) -> str:
    charset = part.get_content_charset("utf-8")
    with suppress(LookupError, ValueError):
        return content(part).decode(charset, "replace")
    return text(content(part))


def find_part(mail: Mail, number: int) -> Message | None:
    return dict(enumerate(_opened(mail).walk())).get(number)


def details(mail: Mail) -> Json:
    """A mail as the page shows it, with the numbers under which its parts are fetched."""
    whole = _opened(mail)
    parts = dict(leaves(whole))
    texts = {part.get_content_type(): n for n, part in reversed(parts.items()) if _is_text(part)}
    html, plain = texts.get("text/html"), texts.get("text/plain")
    used = content_ids(content(parts[html])) if html is not None else set()
    attachments = [
        {
            "number": number,
            "name": filename(part) or f"part {number}",
            "type": part.get_content_type(),
            "bytes": len(content(part)),
        }
        for number, part in parts.items()
        if number not in (html, plain) and content_id(part) not in used
    ]
    return summary(mail) | {
        "headers": raw_headers(whole),
        "html": html,
        "text": plain,
        "attachments": attachments,
    }


def content_id(part: Message) -> str:
    return str(part["Content-ID"] or "").strip(" \t\r\n<>")


def content_ids(html: bytes) -> set[str]:
    return {unquote(name.decode("ascii", "replace")) for name in CONTENT_ID.findall(html)}


def page_of(mail: Mail, part: Message) -> bytes:
    """An HTML part that stands alone: its inline images inside it, its links in tabs of their own,
    since the frame in which it is shown runs no script."""
    images = {
        content_id(image): image
        for _, image in leaves(_opened(mail))
        if content_id(image) and IMAGE.fullmatch(image.get_content_type())
    }

    def embed(reference: re.Match[bytes]) -> bytes:
        image = images.get(unquote(reference[1].decode("ascii", "replace")))
        if image is None:
            return reference[0]
        start = f"data:{image.get_content_type()};base64,".encode()
        return start + base64.b64encode(content(image))

    html, base = CONTENT_ID.sub(embed, content(part)), b'<base target="_blank">'
    head = HEAD.search(html)
    # Before the doctype it would change how the page is laid out.
    return html[: head.end()] + base + html[head.end() :] if head else html + base


def content_type(part: Message, data: bytes) -> str:
    """As the mail has it; for text of no named character set, UTF-8 if it is that."""
    header = str(part["Content-Type"] or "text/plain")
    if part.get_content_maintype() == "text" and part.get_content_charset() is None:
        with suppress(UnicodeDecodeError):
            data.decode()
            return f"{part.get_content_type()}; charset=utf-8"
    return header

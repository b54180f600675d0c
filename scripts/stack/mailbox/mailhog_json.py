"""A mail as MailHog writes it in JSON, and its search; with the peculiarities of its parser."""

import codecs
import email.utils
import re
from typing import Any

from stack.mailbox.store import Mail

# One replacement character for each byte that is not UTF-8.
codecs.register_error("each", lambda error: ("\ufffd", getattr(error, "start", 0) + 1))

_TOKEN = r"""[^\s()<>@,;:\\"/\[\]?=\x7f]+"""
_VALUE = rf"""({_TOKEN}|"(?:[^"\\]|\\.)*")"""
_PARAMETER = rf";\s*{_TOKEN}\s*=\s*{_VALUE}\s*"
_MULTIPART = re.compile(
    rf"multipart/{_TOKEN}\s*(?:{_PARAMETER})*?;\s*boundary\s*=\s*{_VALUE}\s*(?:{_PARAMETER})*;?\s*",
    re.IGNORECASE,
)

Json = dict[str, Any]


def text(data: bytes) -> str:
    return data.decode("utf-8", "each")


def split(data: bytes) -> tuple[bytes, bytes]:
    """Head and body; without a blank line all of it is body."""
    head, blank, body = data.partition(b"\r\n\r\n")
    return (head, body) if blank else (b"", data)


def parse_head(head: bytes) -> dict[str, list[str]]:
    """Only CRLF ends a line, names are case-sensitive, and of several headers of one name the last
    one wins."""
    headers: dict[str, list[str]] = {}
    name = ""
    for line in text(head).split("\r\n"):
        before, colon, value = line.partition(": ")
        if name and line.startswith((" ", "\t")):
            headers[name][0] += line
        elif colon:
            name, headers[before] = before, [value]
    return headers


def parse(data: bytes) -> Json:
    """A message, or a part of one."""
    head, body = split(data)
    headers = parse_head(head)
    parts = _parts(headers.get("Content-Type", [""])[0], body)
    return {"Headers": headers, "Body": body, "Size": len(data), "MIME": parts}


def _parts(content_type: str, body: bytes) -> Json | None:
    if not content_type.startswith("multipart/"):
        return None
    match = _MULTIPART.fullmatch(content_type)
    boundary = re.sub(r'^"|"$|\\(?=["\\])', "", match[2]) if match else ""
    pieces = body.split(b"--" + boundary.encode()) if boundary else []
    return {"Parts": [parse(piece.strip(b"\r\n")) for piece in pieces if piece] or None}


def _path(address: str) -> Json:
    relays, colon, rest = address.partition(":")
    mailbox, _, domain = (rest if colon else address).partition("@")
    return {
        "Relays": relays.split(",") if colon else None,
        "Mailbox": mailbox,
        "Domain": domain,
        "Params": "",
    }


def _add_trace(headers: dict[str, list[str]], mail: Mail, hostname: str) -> None:
    """What MailHog adds to the headers of a mail that it takes."""
    received = (
        f"from {mail.helo} by {hostname} (MailHog)\r\n"
        f"          id {mail.id}; {email.utils.format_datetime(mail.received_at)}"
    )
    names = {name.lower(): name for name in headers}
    headers.setdefault(names.get("message-id", "Message-ID"), [mail.id])
    for name, value in (("Received", received), ("Return-Path", f"<{mail.sender}>")):
        headers.setdefault(names.get(name.lower(), name), []).append(value)


def as_message(mail: Mail, hostname: str) -> Json:
    content = parse(mail.data)
    mime, content["MIME"] = content["MIME"], None
    _add_trace(content["Headers"], mail, hostname)
    return {
        "ID": mail.id,
        "From": _path(mail.sender),
        "To": [_path(recipient) for recipient in mail.recipients],
        "Content": content,
        "Created": mail.received_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "MIME": mime,
        "Raw": {
            "From": mail.sender,
            "To": list(mail.recipients),
            "Data": mail.data,
            "Helo": mail.helo,
        },
    }


def matches(mail: Mail, hostname: str, kind: str, query: str) -> bool:
    """``kind`` is ``from``, ``to`` or ``containing``, as in ``/api/v2/search``. Looks at no part of
    a mail, and at its body only where that is asked for, so that thousands are searched at once."""
    headers = parse_head(mail.data[: max(mail.data.find(b"\r\n\r\n"), 0)])
    addresses = {"from": (mail.sender,), "to": mail.recipients}.get(kind, ())
    paths = [_path(address) for address in addresses]
    texts = [f"{path['Mailbox']}@{path['Domain']}" for path in paths]
    texts += headers.get(kind.title(), [])
    if kind == "containing":
        _add_trace(headers, mail, hostname)
        texts.append(text(split(mail.data)[1]))
        texts += [value for values in headers.values() for value in values]
    return any(query.lower() in one.lower() for one in texts)

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


def parse(data: bytes) -> Json:
    """A message, or a part of one. Only CRLF ends a line, names are case-sensitive, and of several
    headers of one name the last one wins."""
    head, blank, body = data.partition(b"\r\n\r\n")
    if not blank:
        head, body = b"", data
    headers: dict[str, list[str]] = {}
    name = ""
    for line in text(head).split("\r\n"):
        before, colon, value = line.partition(": ")
        if name and line.startswith((" ", "\t")):
            headers[name][0] += line
        elif colon:
            name, headers[before] = before, [value]
    parts = _parts(headers.get("Content-Type", [""])[0], body)
    return {"Headers": headers, "Body": body, "Size": len(data), "MIME": parts}


def _parts(content_type: str, body: bytes) -> Json | None:
    if not content_type.startswith("multipart/"):
        return None
    found = _MULTIPART.fullmatch(content_type)
    mark = re.sub(r'^"|"$|\\(?=["\\])', "", found[2]) if found else ""
    pieces = body.split(b"--" + mark.encode()) if mark else []
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


def as_message(mail: Mail, hostname: str) -> Json:
    content = parse(mail.data)
    headers, mime = content["Headers"], content["MIME"]
    content["MIME"] = None
    received = (
        f"from {mail.helo} by {hostname} (MailHog)\r\n"
        f"          id {mail.id}; {email.utils.format_datetime(mail.received_at)}"
    )
    names = {name.lower(): name for name in headers}
    headers.setdefault(names.get("message-id", "Message-ID"), [mail.id])
    for name, value in (("Received", received), ("Return-Path", f"<{mail.sender}>")):
        headers.setdefault(names.get(name.lower(), name), []).append(value)
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


def matches(message: Json, kind: str, query: str) -> bool:
    """``kind`` is ``from``, ``to`` or ``containing``, as in ``/api/v2/search``."""
    headers: dict[str, list[str]] = message["Content"]["Headers"]
    paths = {"from": [message["From"]], "to": message["To"]}.get(kind, [])
    places = [f"{path['Mailbox']}@{path['Domain']}" for path in paths]
    places += headers.get(kind.title(), [])
    if kind == "containing":
        places.append(text(message["Content"]["Body"]))
        places += [value for values in headers.values() for value in values]
    return any(query.lower() in place.lower() for place in places)

"""Heads of mails: whatever people wrote, each has the headers that it is meant to have, and no others."""

import email
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.policy import compat32, default
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notification_service.kinds.base import Payload
from notification_service.kinds.registry import KINDS, MalformedPayload, read_payload
from notification_service.previews.samples import sample_data, sample_link
from notification_service.rendering import headers, mime
from notification_service.rendering.context import Recipient
from notification_service.rendering.headers import UnsafeHeaders, check_headers
from notification_service.rendering.mime import (
    HEADER_NAMES,
    REQUEST_HEADER,
    UNSUBSCRIBE_HEADERS,
    compose,
    recipient_address,
)
from notification_service.rendering.renderer import EmailContent, EmailRenderer
from service_kit.text import has_long_combining_run
from tests.notifications.auth_server import AuthServerForTests
from tests.notifications.conftest import WorkerForTests
from tests.notifications.header_program import PIECES, TEXTS
from tests.notifications.messages import make_message

PROGRAM = Path(__file__).with_name("header_program.py")
MODULE = Path(headers.__file__)
NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
OLDEST = (3, 11)
# What services make, and nobody chooses.
KEPT = ("timezone", "status", "currency", "ticket_code", "cancellation_deadline")
# PostgreSQL takes neither NUL nor a lone surrogate, and no event is called by stacked accents.
STORED_TEXTS = [
    text
    for text in TEXTS
    if "\0" not in text and "\ud800" not in text and not has_long_combining_run(text)
]
hostile_texts = st.one_of(
    st.sampled_from(TEXTS),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.text(max_size=80),
)


def pythons() -> list[str]:
    """This one and each that is installed, from the oldest that is supported."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders += sorted(pyenv.glob("versions/*/bin"))
    found = {Path(sys.executable).resolve()}
    for folder in folders:
        for file in folder.glob("python3.*"):
            minor = file.name.removeprefix("python3.")
            if minor.isdigit() and (3, int(minor)) >= OLDEST and "shims" not in file.parts:
                found.add(file.resolve())
    return sorted(map(str, found))


@pytest.mark.parametrize("python", pythons())
def test_no_text_adds_a_header_on_any_python(python: str) -> None:
    run = subprocess.run(
        [python, "-I", PROGRAM, MODULE], capture_output=True, text=True, check=False, timeout=120
    )

    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["tried"] > 400


def test_the_library_s_own_factory_lets_a_text_add_one() -> None:
    """The negative control; Python mended it in 3.13, and some distributions before."""
    runs = [
        subprocess.run([p, "-I", PROGRAM, MODULE, "--control"], capture_output=True)
        for p in pythons()
    ]
    if not any(json.loads(run.stdout)["fooled"] for run in runs):
        pytest.skip("no Python here has the fault")


def hostile_content(kind: str, text: str) -> Payload:
    """The kind's sample with every text that people may choose replaced; ValueError if none may be so."""

    def replace(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: replace(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [replace(v, key) for v in value]
        kept = key.endswith(("id", "ids", "_at")) or key in KEPT
        return value if kept or not isinstance(value, str) else text

    data = replace(sample_data(kind))
    if "changes" in data:
        data["changes"] = {"venue": [text, text + "2"], "city": ["", text]}
    if kind == "booking-cancelled":
        data["reason"] = text
    return read_payload(kind, data)


def composed(letter: EmailContent, name: str) -> bytes:
    return compose(
        letter,
        sender="Parterre <tickets@parterre.example>",
        recipient=recipient_address("ada@guests.example", name),
        identity="<key@parterre.example>",
        at=NOW,
        request_id="0198c0de-0000",
    )


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=hostile_texts, locale=st.sampled_from(("en", "ru")))
def test_each_kind_has_the_headers_that_it_is_meant_to_have(
    renderer: EmailRenderer, kind: str, text: str, locale: str
) -> None:
    try:
        content = hostile_content(kind, text)
    except MalformedPayload:
        # An organizer's message that is empty, say.
        content = hostile_content(kind, f"x{text}"[:200])
    reminder = kind == "event-reminder"
    letter = renderer.render(
        content,
        Recipient(text, locale),
        now=NOW,
        link=sample_link(),
        unsubscribe_token="token" if reminder else None,
    )

    content_sent = composed(letter, text)

    unsubscribe = UNSUBSCRIBE_HEADERS if reminder else ()
    meant = (*HEADER_NAMES, REQUEST_HEADER, *unsubscribe, "Content-Type")
    for policy in (default, compat32):
        read: Any = email.message_from_bytes(content_sent, policy=policy)
        assert tuple(read.keys()) == meant
        assert read.is_multipart()
    shown = str(make_header(decode_header(read["Subject"])))
    assert shown.split() == letter.subject.split()
    # Nothing that a mail server could take for the end of a line, or of the mail.
    rest = content_sent.replace(b"\r\n", b"")
    assert b"\r" not in rest and b"\n" not in rest and b"\0" not in content_sent
    assert max(map(len, content_sent.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("name", STORED_TEXTS)
async def test_whatever_somebody_is_called_they_get_their_mails(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests, name: str
) -> None:
    message = make_message(data={"event": sample_data("booking-confirmed")["event"]})
    auth_server.accounts.special[message["user_id"]] = {"full_name": name}

    await mail_worker.receive(message)

    assert (await mail_worker.row(message)).status == "sent"
    [sent] = mail_worker.mails
    assert sent.message["Bcc"] is None
    assert len(sent.recipients) == 1


@pytest.mark.parametrize("title", STORED_TEXTS)
async def test_whatever_an_event_is_called_its_guests_get_their_mails(
    mail_worker: WorkerForTests, title: str
) -> None:
    event = sample_data("event-changed")["event"] | {"title": title, "venue": title, "city": title}
    messages = [
        make_message(kind, data={"event": event}) for kind in ("event-changed", "event-cancelled")
    ]

    await mail_worker.receive(*messages)

    assert [(await mail_worker.row(message)).status for message in messages] == ["sent", "sent"]
    assert all(sent.message["Bcc"] is None for sent in mail_worker.mails)


async def test_a_head_that_is_not_as_meant_fails_closed(
    mail_worker: WorkerForTests, sentry_errors: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the encoding ever let something through: nothing of it is sent."""
    monkeypatch.setattr(mime, "text_header", lambda *_: b"Subject: x\r\nBcc: evil@evil.example\r\n")
    message = make_message()

    await mail_worker.receive(message)

    row = await mail_worker.row(message)
    assert (row.status, mail_worker.mails) == ("failed", [])
    assert row.last_error == UnsafeHeaders.reason
    assert len(sentry_errors) == 1


@pytest.mark.parametrize(
    "head",
    [
        b"To: a\r\nSubject: b\r\nBcc: c\r\n\r\n",
        b"To: a\r\n\r\nSubject: b\r\n\r\n",
        b"Subject: b\r\nTo: a\r\n\r\n",
        b"To: a\r\nTo: a\r\nSubject: b\r\n\r\n",
        b"To: a\r\nSubject: b\n\tc\r\n\r\n",
        b"To: a\r\nSubject: b\rBcc: c\r\n\r\n",
        b"To: a\r\nSubject: b\nBcc: c\r\n\r\n",
        b"To: a\r\nSubject: b\0\r\n\r\n",
        b"To: a\r\nSubject: b\r\n \r\n\r\n",
        b"To: a\r\nSubject: " + b"b" * 990 + b"\r\n\r\n",
        b"To: a\r\nSubject : b\r\n\r\n",
        b" To: a\r\nTo: a\r\nSubject: b\r\n\r\n",
        b"To: a\r\nSubject\r\n\r\n",
        b"To: a\r\nSubject: \xd0\x96\r\n\r\n",
        b"To: a\r\nSubject: b\r\n",
        b"",
    ],
)
def test_a_head_with_anything_else_in_it_is_refused(head: bytes) -> None:
    check_headers(b"To: a\r\nSubject: b\r\n\tc\r\n\r\nbody", ("To", "Subject"))
    with pytest.raises(UnsafeHeaders):
        check_headers(head + b"body", ("To", "Subject"))


@pytest.mark.parametrize("kind", ["verify-email", "reset-password"])
async def test_what_anybody_can_have_sent_to_a_stranger_holds_nothing_that_they_chose(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests, kind: str
) -> None:
    message = make_message(kind)
    name = "Win at https://evil.example now"
    auth_server.accounts.special[message["user_id"]] = {
        "full_name": name,
        "is_verified": kind == "reset-password",
    }

    await mail_worker.receive(message)

    [sent] = mail_worker.mails
    assert sent.message["To"] == sent.recipients[0]
    texts = [part.get_content() for part in sent.message.walk() if not part.is_multipart()]
    assert len(texts) == 2
    assert not any("evil" in text or "Win" in text for text in texts)


@pytest.mark.parametrize("local", ["ada(evil@evil.example)", "a,b", 'a"b', "a b", "a<b>", "a\\b"])
async def test_a_mail_goes_to_the_very_address(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests, local: str
) -> None:
    message = make_message()
    auth_server.accounts.special[message["user_id"]] = {"email": f"{local}@guests.example"}

    await mail_worker.receive(message)

    [sent] = mail_worker.mails
    assert sent.recipients == [Address("", local, "guests.example").addr_spec]


@pytest.mark.parametrize(
    ("email_address", "domain"),
    [
        ("user@faß.de", "xn--fa-hia.de"),
        ("user@fass.de", "fass.de"),
        ("a@βόλος.com", "xn--nxasmm1c.com"),
    ],
)
def test_a_domain_is_not_taken_for_one_that_looks_like_it(email_address: str, domain: str) -> None:
    assert recipient_address(email_address, None).domain == domain


def test_a_name_of_any_characters_is_one_mailbox_s() -> None:
    line = headers.address_header("To", "Foo Bar, Jr. <x@y>", "ada@guests.example")
    read = email.message_from_bytes(line + b"\r\n", policy=default)
    [address] = read["To"].addresses
    assert (address.display_name, address.addr_spec) == ("Foo Bar, Jr. <x@y>", "ada@guests.example")

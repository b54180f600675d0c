"""Mails written from what event-service and auth-service really send, of each kind and language.

Samples hold what their author thought of; these hold what the outbox holds.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from icalendar import Calendar
from sqlalchemy import text

from auth_service.mails import messages as account_messages
from event_service import maintenance
from notification_service.kinds.registry import KINDS
from notification_service.messages.incoming import Incoming, read_message
from notification_service.previews.samples import sample_link
from notification_service.rendering.context import Recipient
from notification_service.rendering.headers import check_headers
from notification_service.rendering.mime import HEADER_NAMES, compose, recipient_address
from notification_service.rendering.renderer import EmailContent, EmailRenderer
from service_kit.clock import utc_now
from service_kit.messaging.contract import CONTRACT
from service_kit.messaging.outbox import OutboxRow
from tests.changes import run
from tests.contract import fits_contract
from tests.events.conftest import Json, Publish, User
from tests.events.test_notification_coverage import book, do_all_that_can_be_done

MakeUser = Callable[..., User]
WRITTEN_BY_ORGANIZERS = {"> Ill", "> Dear all,", ">", "> come early!"}
UUID_PATTERN = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-"
# What belongs to programs: values of Python and JSON, topics, times of machines, templates.
INTERNAL = re.compile(
    rf"\bNone\b|\bnull\b|undefined|\.v1\b|\dT\d\d:|\{{\{{|{UUID_PATTERN}|_at\b|\bguest\b"
)

renderer = EmailRenderer("https://parterre.example")


async def outbox(app: FastAPI) -> list[Json]:
    async with app.state.database.sessions() as session:
        rows = await session.execute(text("SELECT message FROM outbox ORDER BY created_at, id"))
        return [row.message for row in rows]


def of_accounts() -> list[Json]:
    """Each function there that makes a message, called as the service calls it."""
    user_id, now = uuid4(), datetime.now(UTC)
    rows: list[OutboxRow] = [
        account_messages.verification_mail(user_id, topic="user.registered.v1", now=now, version=1),
        account_messages.verification_mail(
            user_id, topic="user.email-change-requested.v1", address="pending", now=now, version=2
        ),
        account_messages.reset_mail(user_id, now=now, version=2),
        account_messages.email_change_notice(user_id, now=now, version=2),
        account_messages.password_changed(user_id, version=3),
    ]
    return [row.message for row in rows]


def read(message: Json) -> Incoming:
    incoming = read_message(message)
    assert incoming.fault is None, (message["kind"], incoming.fault)
    assert incoming.payload is not None
    return incoming


def written(incoming: Incoming, locale: str) -> EmailContent:
    assert incoming.payload is not None
    return renderer.render(
        incoming.payload,
        Recipient("Ada Lovelace", locale),
        now=utc_now(),
        link=sample_link(),
    )


def without_links(text: str) -> str:
    return re.sub(r"https?://\S+", "", text)


async def test_every_kind_of_real_message_becomes_a_mail_without_internal_words(
    app: FastAPI, organizer: User, user: MakeUser, published: Publish
) -> None:
    # Other tests share the tables, and write rows and messages of their own.
    while await maintenance.send_organizer_messages(app.state.database):
        pass
    await run(app.state.database, ["DELETE FROM outbox"])
    await do_all_that_can_be_done(app, organizer, user, published)
    event = await published()
    await book(user(), event)
    body = {"subject": "Doors open at 18:30", "body": "Dear all,\n\ncome early!"}
    sent = await organizer.post(f"/events/{event['id']}/messages", body)
    assert sent.status_code in (200, 201, 202), sent.text
    while await maintenance.send_organizer_messages(app.state.database):
        pass

    messages = [*await outbox(app), *of_accounts()]
    seen = set()
    for message in messages:
        if message.get("kind") is None:
            continue
        assert fits_contract(message["kind"], message["data"]), message
        assert message["topic"] in CONTRACT[message["kind"]].topics
        incoming = read(message)
        seen.add(incoming.kind)
        for locale in ("en", "ru"):
            content = written(incoming, locale)
            _check(content, incoming.kind)
    assert seen == set(KINDS)


def _check(content: EmailContent, kind: str) -> None:
    plain = without_links(content.text)
    assert not INTERNAL.search(plain), (kind, INTERNAL.search(plain), plain)
    html = without_links(re.sub(r"<[^>]+>", " ", content.html.partition("<body")[2]))
    assert not INTERNAL.search(html), (kind, INTERNAL.search(html))
    quoted = {line.rstrip() for line in content.text.split("\n") if line.startswith(">")}
    assert quoted <= WRITTEN_BY_ORGANIZERS, (kind, quoted)
    if content.locale == "ru":
        # Names are the organizer's; all else is in the reader's language.
        assert re.search("[а-я]", content.subject) or kind == "organizer-message"
    mail = compose(
        content,
        sender="Parterre <tickets@parterre.example>",
        recipient=recipient_address("ada@guests.example", "Ada"),
        identity="<key@parterre.example>",
        at=utc_now(),
    )
    check_headers(mail, (*HEADER_NAMES, "Content-Type"))


async def _files_of(app: FastAPI, kinds: tuple[str, ...], booking_id: str) -> list[Any]:
    """The calendar files of mails about a booking, in the order of sending."""
    found = []
    for message in await outbox(app):
        about = [message["data"].get("booking_id"), *message["data"].get("booking_ids", [])]
        if message.get("kind") in kinds and booking_id in about:
            content = written(read(message), "en")
            assert content.calendar is not None, message["kind"]
            calendar: Any = Calendar.from_ical(content.calendar)
            assert content.calendar_method == calendar["METHOD"]
            found.append(calendar)
    return found


@pytest.mark.parametrize("ended_by", ["guest", "organizer"])
async def test_a_cancellation_takes_out_of_the_calendar_what_the_confirmation_put_there(
    app: FastAPI, organizer: User, user: MakeUser, published: Publish, ended_by: str
) -> None:
    guest, event = user(), await published()
    booking = await book(guest, event)
    moved = await organizer.patch(f"/events/{event['id']}", {"venue": "Elsewhere"})
    assert moved.status_code == 200
    if ended_by == "guest":
        await guest.post(f"/bookings/{booking['id']}/cancel")
    else:
        await organizer.post(f"/events/{event['id']}/cancel", {"reason": "Ill"})

    kinds = ("booking-confirmed", "event-changed", "booking-cancelled", "event-cancelled")
    put, changed, taken_out = await _files_of(app, kinds, booking["id"])
    download: Any = Calendar.from_ical(
        (await guest.get(f"/bookings/{booking['id']}/calendar.ics")).content
    )

    files = (put, changed, taken_out, download)
    entries = [file.events[0] for file in files]
    assert {str(entry["UID"]) for entry in entries} == {f"{booking['id']}@parterre"}
    sequences = [entry["SEQUENCE"] for entry in entries]
    assert sequences[0] < sequences[1] < sequences[2] == sequences[3]
    assert [str(file["METHOD"]) for file in files] == ["PUBLISH", "PUBLISH", "CANCEL", "CANCEL"]
    statuses = [str(entry["STATUS"]) for entry in entries]
    assert statuses == ["CONFIRMED", "CONFIRMED", "CANCELLED", "CANCELLED"]
    assert all("DTSTAMP" in entry for entry in entries)


def test_an_internal_word_in_a_mail_would_be_seen() -> None:
    """The negative control."""
    content = written(read(of_accounts()[-1]), "en")
    for internal in ("> guest", "None", "user.password-changed.v1", "2026-11-25T18:00:00"):
        with pytest.raises(AssertionError):
            _check(replace(content, text=f"{content.text}\n{internal}\n"), "password-changed")

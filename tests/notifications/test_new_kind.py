"""A kind of mail is one file and a template per language; nothing else has to know of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from notification_service import kinds
from notification_service.kinds import registry
from notification_service.previews.samples import sample_payload
from notification_service.rendering import templates
from notification_service.rendering.context import Recipient
from notification_service.rendering.renderer import EmailRenderer
from service_kit.clock import utc_now
from tests.notifications.conftest import WorkerForTests
from tests.notifications.messages import make_message

KIND = '''
"""Tells guests that the doors are open."""

from typing import Any, ClassVar

from notification_service.kinds.base import SupersededBy
from notification_service.kinds.bookings import BookingPayload
from notification_service.kinds.sample_texts import SampleTexts
from service_kit.calendar_files import Status


class DoorsOpen(BookingPayload):
    kind: ClassVar[str] = "doors-open"
    superseded_by: ClassVar[SupersededBy] = SupersededBy(about_event=("event-cancelled",))
    shows_tickets: ClassVar[bool] = True
    calendar_status: ClassVar[Status | None] = "CONFIRMED"
    expired_note: ClassVar[str] = "The event had begun."

    def is_expired(self, now):
        return self.event.starts_at <= now

    @classmethod
    def sample(cls, texts: SampleTexts) -> dict[str, Any]:
        return texts.booking("confirmed")
'''
TEMPLATE = """
{%% extends layout %%}
{%% block subject %%}%s: {{ event.title }}{%% endblock %%}
{%% block preheader %%}{{ event.hours }}{%% endblock %%}
{%% block heading %%}%s{%% endblock %%}
{%% block body %%}{{ ui.tickets(tickets, texts) }}{%% endblock %%}
"""
HEADINGS = {"en": "The doors are open", "ru": "Двери открыты"}


@pytest.fixture
def new_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The files of a kind, beside those of the others."""
    folder = tmp_path / "kinds"
    folder.mkdir()
    (folder / "doors_open.py").write_text(KIND)
    shutil.copytree(templates.FOLDER, tmp_path / "templates")
    for locale, heading in HEADINGS.items():
        written = TEMPLATE % (heading, heading)
        (tmp_path / "templates" / locale / "doors-open.j2").write_text(written)
    monkeypatch.setattr(kinds, "__path__", [*kinds.__path__, str(folder)])
    monkeypatch.setattr(templates, "FOLDER", tmp_path / "templates")
    known = dict(registry.KINDS)
    registry.KINDS.update(registry.find_kinds())
    yield "doors-open"
    registry.KINDS.clear()
    registry.KINDS.update(known)


@pytest.fixture
def renderer(new_kind: str) -> EmailRenderer:
    """Made after the kind's templates."""
    return EmailRenderer("https://parterre.example")


@pytest.mark.parametrize("locale", HEADINGS)
def test_its_mail_is_rendered_with_its_tickets_and_its_calendar_file(
    new_kind: str, renderer: EmailRenderer, locale: str
) -> None:
    content = renderer.render(
        sample_payload(new_kind, locale), Recipient("Ada", locale), now=utc_now()
    )

    assert content.subject.startswith(f"{HEADINGS[locale]}: ")
    assert len(content.images) == 2
    assert content.calendar is not None and b"STATUS:CONFIRMED" in content.calendar


async def test_its_messages_are_sent(new_kind: str, mail_worker: WorkerForTests) -> None:
    message = make_message(new_kind)

    await mail_worker.receive(message)

    assert (await mail_worker.row(message)).status == "sent"
    [sent] = mail_worker.mails
    assert sent.message["Subject"].startswith("The doors are open: ")


async def test_what_supersedes_it_and_when_it_is_too_late_are_heeded(
    new_kind: str, mail_worker: WorkerForTests
) -> None:
    mail_worker.mail_server.answers("DATA", "451 Later")
    message = make_message(new_kind)
    cancelled = make_message(
        "event-cancelled",
        user_id=message["user_id"],
        data={"event_id": message["data"]["event_id"]},
    )
    late = make_message(new_kind)
    late["data"]["event"]["starts_at"] = utc_now().isoformat()
    await mail_worker.receive(message)
    await mail_worker.receive(cancelled)
    mail_worker.mail_server.is_well()
    await mail_worker.change(message, next_attempt_at="now()")
    await mail_worker.deliver(message)
    await mail_worker.receive(late)

    row = await mail_worker.row(message)
    assert (row.status, row.timeline[-1]["note"]) == ("dropped", "A later message took its place.")
    row = await mail_worker.row(late)
    assert (row.status, row.timeline[-1]["note"]) == ("dropped", "The event had begun.")


def test_without_its_file_it_is_no_kind() -> None:
    """The negative control."""
    assert "doors-open" not in registry.find_kinds()

"""Each kind of message has a service that sends it, and only one, and somebody has written its mail."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from auth_service.models import LOCALES
from notification_service.kinds.registry import KINDS
from notification_service.rendering.templates import FOLDER

ROOT = Path(__file__).resolve().parents[2]
SENDERS = (ROOT / "auth-service" / "auth_service", ROOT / "event-service" / "event_service")
# What makes a message; the kind is named, or comes first.
MAKERS = ("notification", "booking_message", "write_notifications", "_tell")


def kinds_sent_by(files: Iterator[Path]) -> set[str]:
    calls = (
        node
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS
    )
    named = (
        argument
        for call in calls
        for argument in (*call.args, *(k.value for k in call.keywords if k.arg == "kind"))
    )
    return {
        argument.value
        for argument in named
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def test_each_kind_has_one_service_that_sends_it() -> None:
    auth, event = (kinds_sent_by(folder.rglob("*.py")) for folder in SENDERS)
    assert auth & event == set()
    assert auth | event == set(KINDS)


@pytest.mark.parametrize("locale", LOCALES)
def test_each_kind_is_written_in_each_language_and_nothing_else_is(locale: str) -> None:
    written = {file.stem for file in (FOLDER / locale).glob("*.j2")} - {"words"}
    assert written == set(KINDS)


def test_a_sender_that_names_another_kind_would_be_seen(tmp_path: Path) -> None:
    """The negative control."""
    source = tmp_path / "messages.py"
    source.write_text('notification(Outbox, topic="a.b.v1", kind="event-postponed", data={})')
    assert kinds_sent_by(iter([source])) - set(KINDS) == {"event-postponed"}

"""Each kind of message has a service that sends it, and only one, and somebody has written its mail."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from auth_service.models import LOCALES
from notification_service.kinds.registry import KINDS
from notification_service.rendering.templates import FOLDER

ROOT = Path(__file__).resolve().parents[2]
SENDERS = (ROOT / "auth-service" / "auth_service", ROOT / "event-service" / "event_service")
# What makes a message; the kind is named, or comes first.
MAKERS = (
    "notification",
    "booking_message",
    "write_notifications",
    "add_booking_messages",
    "shared_message",
)


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
    written = {file.stem for file in (FOLDER / locale).glob("*.j2")} - {"texts"}
    assert written == set(KINDS)


def test_a_sender_that_names_another_kind_would_be_seen(tmp_path: Path) -> None:
    """The negative control."""
    source = tmp_path / "messages.py"
    source.write_text('notification(Outbox, topic="a.b.v1", kind="event-postponed", data={})')
    assert kinds_sent_by(iter([source])) - set(KINDS) == {"event-postponed"}


SERVICE = Path(FOLDER).parent
KIND_IN_SQL = re.compile(r"\bkind\s*(=|<>|!=|IN\b|NOT IN\b)\s*\(?'")


def kinds_told_apart(tree: ast.Module) -> list[int]:
    """The lines where a module has kinds by name or by class, but for arguments and examples: there it
    may compare them, or do with some what it does not with others."""
    harmless = {
        id(value)
        for node in ast.walk(tree)
        for value in (
            *(node.args if isinstance(node, ast.Call) else ()),
            *(node.values if isinstance(node, ast.Dict) else ()),
        )
    }
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_kind = node.value in KINDS and id(node) not in harmless
            if is_kind or KIND_IN_SQL.search(node.value):
                lines.append(node.lineno)
        elif isinstance(node, ast.Compare | ast.MatchClass | ast.Call) and compares(node):
            names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            if names & {model.__name__ for model in KINDS.values()}:
                lines.append(node.lineno)
    return lines


def compares(node: ast.Compare | ast.MatchClass | ast.Call) -> bool:
    if not isinstance(node, ast.Call):
        return True
    return isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "issubclass")


def test_no_other_module_tells_kinds_apart() -> None:
    found = {
        f"{file.relative_to(SERVICE)}:{line}"
        for file in SERVICE.rglob("*.py")
        if file.parent.name != "kinds"
        for line in kinds_told_apart(ast.parse(file.read_text()))
    }
    assert found == set()


@pytest.mark.parametrize(
    "source",
    [
        "if claim.kind == 'event-changed': pass",
        "if kind in ('verify-email', 'reset-password'): pass",
        "RULES = {'event-changed': 1}",
        "match kind:\n    case 'event-changed': pass",
        "match payload:\n    case EventChanged(): pass",
        "if isinstance(payload, EventChanged): pass",
        "text(\"SELECT 1 FROM notification WHERE kind = 'event-changed'\")",
    ],
)
def test_a_module_that_tells_them_apart_would_be_seen(source: str) -> None:
    """The negative control."""
    assert kinds_told_apart(ast.parse(source))


@pytest.mark.parametrize("kind", KINDS)
def test_each_stands_in_the_file_of_its_name(kind: str) -> None:
    assert KINDS[kind].__module__.rpartition(".")[2] == kind.replace("-", "_")

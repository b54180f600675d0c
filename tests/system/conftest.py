"""The parts of the whole system under one name, and a browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.browser import Browser, Window
from tests.system.people import PASSWORD, Mailbox, Person, publish, wait_until
from tests.system.running import (
    SentryRecorder,
    findings_of_doctors,
    flower_get,
    flower_tasks,
)

__all__ = [
    "PASSWORD",
    "Mailbox",
    "Person",
    "SentryRecorder",
    "findings_of_doctors",
    "flower_get",
    "flower_tasks",
    "publish",
    "wait_until",
]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Window]:
    """Fails the test that leaves an error in the browser's console."""
    assert CHROMIUM is not None
    with Browser(CHROMIUM, tmp_path) as program:
        yield program.window
        program.window.evaluate("1")
        assert program.errors == []

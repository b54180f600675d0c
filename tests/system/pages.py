"""What tests of the page do with it."""

import pytest

from stack.stack import Stack
from tests.system.browser import Window
from tests.system.conftest import CHROMIUM, PASSWORD, Person

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")


def url(stack: Stack, path: str = "/") -> str:
    return f"{stack.url('event')}{path}"


def sign_in(window: Window, person: Person) -> None:
    window.fill("[name=email]", person.email)
    window.fill("[name=password]", PASSWORD)
    window.press("Enter")

"""The list of events, as whoever comes sees it first."""

import pytest
from playwright.sync_api import Browser, Page, expect

from stack.stack import Stack
from tests.page.windows import assert_accessible, quiet_windows, sign_in
from tests.system.people import Person, publish


def test_the_list_is_accessible(window: Page, organizer: Person) -> None:
    publish(organizer, title="To be looked at", category="Concert")
    window.goto("/")
    expect(window.locator(".card").first).to_be_visible()
    assert_accessible(window)


def test_who_has_a_session_is_greeted(page: Page, guest: Person) -> None:
    sign_in(page, guest)
    page.goto("/")
    expect(page.locator(".person .name")).to_have_text("Nadia Needle")


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ("document.body.append(document.createElement('button'))", "button-name"),
        ("document.documentElement.removeAttribute('lang')", "html-has-lang"),
    ],
)
def test_control_what_is_wrong_is_found(page: Page, broken: str, rule: str) -> None:
    page.goto("/")
    expect(page.locator("h1")).to_be_visible()
    page.evaluate(f"() => {{ {broken} }}")
    with pytest.raises(AssertionError, match=rule):
        assert_accessible(page)


def test_control_an_error_in_the_console_fails_a_test(chromium: Browser, stack: Stack) -> None:
    with pytest.raises(AssertionError, match="on purpose"):
        with quiet_windows(chromium, stack.url("event")) as windows:
            page = windows.open()
            page.goto("/")
            page.evaluate("() => console.error('on purpose')")
            page.evaluate("() => 1")

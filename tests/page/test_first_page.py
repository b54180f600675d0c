"""The list of events, as whoever comes sees it first."""

import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from stack.stack import Stack
from tests.page.windows import assert_accessible, quiet_windows, sign_in
from tests.system.people import Person, publish


def test_the_list_is_accessible(window: Page, organizer: Person) -> None:
    publish(organizer, title="To be looked at", category="Concert")
    window.goto("/")
    expect(window.locator(".card").first).to_be_visible()
    assert_accessible(window)


def test_what_the_server_has_drawn_stays_readable_until_the_scripts_have_more(
    page: Page, organizer: Person
) -> None:
    event = publish(organizer, title="Read at once")
    waiting: list[Route] = []
    page.route("**/views/event.js", lambda route: waiting.append(route))
    page.goto(f"/events/{event['id']}", wait_until="commit")
    # The scripts have drawn the foot, and wait for the view for longer than a moment.
    expect(page.get_by_role("button", name="Русский")).to_be_visible()
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 400))")
    expect(page.locator("h1")).to_have_text("Read at once")
    expect(page.locator("main.loading")).to_have_count(0)
    for route in waiting:
        route.continue_()
    expect(page.get_by_role("button", name="Book now")).to_be_visible()


def test_what_was_typed_before_the_scripts_have_come_is_looked_for(
    page: Page, organizer: Person
) -> None:
    publish(organizer, title="Sought in haste")
    waiting: list[Route] = []
    page.route("**/app.js", lambda route: waiting.append(route))
    page.goto("/", wait_until="commit")
    words = page.locator("[name=q]")
    words.press_sequentially("sought in ha")
    for route in waiting:
        route.continue_()
    # The scripts' own field.
    expect(page.locator("[name=q][autocomplete=off]")).to_have_value("sought in ha")
    expect(page.locator("[name=q]")).to_be_focused()
    page.keyboard.type("ste")
    expect(page).to_have_url(re.compile(r"/\?q=sought\+in\+haste$"))
    expect(page.locator(".card")).to_have_count(1)


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

"""Browser windows as people have them, and what must hold on every view: axe and a quiet console."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.system.people import PASSWORD, Person

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

Look = Literal["light", "dark", "forced"]
LOOKS: tuple[Look, ...] = ("light", "dark", "forced")
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# A refusal is for the page to handle, and a test looks at how it does.
REFUSED = "Failed to load resource"
PATIENCE_MILLISECONDS = 20_000
# Beside many other tests a page takes long to load.
LOADING_MILLISECONDS = 60_000


class Windows:
    """Opens windows of one browser, each with cookies of its own. ``errors`` is what their consoles
    show in red; a test that expects some takes them out."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser = browser
        self._address = address
        self._contexts: list[BrowserContext] = []
        self.errors: list[str] = []

    def open(self, **options: Any) -> Page:
        """A window with Playwright's options of a context, such as ``DESKTOP`` or ``locale="ru-RU"``.

        For another window with the same cookies: ``window.context.new_page()``.
        """
        settings = {
            "base_url": self._address,
            "locale": "en-GB",
            "timezone_id": "Europe/Berlin",
            # What is in motion has no final colours yet.
            "reduced_motion": "reduce",
        }
        context = self._browser.new_context(**(settings | options))
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        context.set_default_navigation_timeout(LOADING_MILLISECONDS)
        context.on("console", self._note)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self._contexts.append(context)
        return context.new_page()

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(REFUSED):
            self.errors.append(message.text)

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@contextmanager
def quiet_windows(browser: Browser, address: str) -> Iterator[Windows]:
    """Windows; at the end none may have left an error in its console."""
    windows = Windows(browser, address)
    try:
        yield windows
    finally:
        windows.close()
    assert not windows.errors, windows.errors


def sign_in(page: Page, person: Person) -> None:
    """Gives the window a session, without its form. The page is to be opened afterwards."""
    answer = page.context.request.post(
        person.url("/auth/session"), form={"username": person.email, "password": PASSWORD}
    )
    assert answer.ok, answer.text()


def set_look(page: Page, look: Look) -> None:
    """Changes the colours as the system's settings do; the page stays as it is."""
    page.emulate_media(
        color_scheme="dark" if look == "dark" else "light",
        forced_colors="active" if look == "forced" else "none",
        reduced_motion="reduce",
    )


def assert_accessible(page: Page, *, looks: tuple[Look, ...] = LOOKS) -> None:
    """No violation of WCAG 2.2 AA that axe finds, in any of the looks; and nothing to scroll sideways."""
    for look in looks:
        set_look(page, look)
        settle(page)
        found = violations(page)
        assert not found, f"{page.url} ({look}):\n" + "\n".join(found)
    set_look(page, "light")
    assert_not_wider_than_the_window(page)


def assert_not_wider_than_the_window(page: Page) -> None:
    """A phone's ``innerWidth`` grows with what is too wide."""
    width = page.evaluate("document.documentElement.scrollWidth")
    assert page.viewport_size
    assert width <= page.viewport_size["width"], f"{page.url} is {width} pixels wide"


def settle(page: Page) -> None:
    """Returns when nothing fades in or out any more: half of a colour is no colour of ours."""
    page.wait_for_function(
        """() => !document.querySelector(".loading") && document.getAnimations().every(
            (one) => one.playState !== "running" || one.effect.getComputedTiming().endTime === Infinity)"""
    )


def violations(page: Page) -> list[str]:
    """What axe finds: the rule, the element, and what is wrong."""
    # By the debugger, which the page's policy does not bind.
    session = page.context.new_cdp_session(page)
    try:
        session.send("Runtime.evaluate", {"expression": AXE_SCRIPT})
        answer = session.send(
            "Runtime.evaluate",
            {
                "expression": "axe.run(document, {resultTypes: ['violations'], runOnly: "
                f"{RULES!r}}}).then(({{violations}}) => violations)",
                "awaitPromise": True,
                "returnByValue": True,
            },
        )
    finally:
        session.detach()
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    return [
        f"{rule['id']}: {node['html'][:200]}: {node['failureSummary']}"
        for rule in answer["result"]["value"]
        for node in rule["nodes"]
    ]


OpenWindow = Callable[..., Page]

"""Windows of Debian's Chromium, driven by Playwright, on the system that tests/system shares."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from stack.stack import Stack
from tests.page.windows import (
    CHROMIUM,
    DESKTOP,
    PATIENCE_MILLISECONDS,
    PHONE,
    Windows,
    quiet_windows,
)
from tests.system.people import Person


# As long as Playwright runs there can be no other event loop: it ends before other tests begin.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH")
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"],
        )


@pytest.fixture
def windows(chromium: Browser, stack: Stack) -> Iterator[Windows]:
    with quiet_windows(chromium, stack.url("event")) as opened:
        yield opened


@pytest.fixture
def page(windows: Windows) -> Page:
    """A window of an ordinary size, where nobody is signed in."""
    return windows.open()


@pytest.fixture
def phone(windows: Windows) -> Page:
    """360 pixels wide, touched with a finger."""
    return windows.open(**PHONE)


@pytest.fixture
def desktop(windows: Windows) -> Page:
    """1440 pixels wide."""
    return windows.open(**DESKTOP)


@pytest.fixture(params=["phone", "desktop"])
def window(request: pytest.FixtureRequest, windows: Windows) -> Page:
    """For a test that is to hold at 360 and at 1440 pixels."""
    return windows.open(**(PHONE if request.param == "phone" else DESKTOP))


@pytest.fixture(scope="session")
def guest(person: Callable[..., Person]) -> Person:
    """Somebody with a confirmed address. ``sign_in(page, guest)`` signs a window in."""
    return person("guest")

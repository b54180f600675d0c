"""``./scripts/pictures``: each view of the page as people see it, on a phone and on a desk, as PNG files."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Error, Page, sync_playwright

from stack.demo import ADMIN, GUEST, ORGANIZER, PASSWORD, Account
from stack.errors import StackError
from stack.records import read_record

HALL = "The Cherry Orchard"
WIDTHS = {"phone": (360, 740), "desk": (1440, 900)}
# Language, colours, and the widths that are worth a picture in them.
LOOKS: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("en", "light", ("phone", "desk")),
    ("ru", "dark", ("phone",)),
)
PATIENCE_MILLISECONDS = 20_000
QUIET = """() => !document.querySelector(".loading, .slow-start")
    && document.getAnimations().every((one) => one.playState !== "running")"""


@dataclass(frozen=True)
class View:
    name: str
    path: str
    account: Account | None = None


def views(event: str, booking: str) -> Iterator[View]:
    """All views; ``event`` has a hall and ``booking`` tickets."""
    for name in ("", "sign-in", "register", "privacy", "nothing-here"):
        yield View(name or "events", f"/{name}")
    yield View("event", f"/events/{event}")
    yield View("nothing-found", "/?q=zzzz")
    for name in ("bookings", "account"):
        yield View(name, f"/{name}", GUEST)
    yield View("booking", f"/bookings/{booking}", GUEST)
    yield View("my-events", "/my-events", ORGANIZER)
    yield View("event-form", "/my-events/new", ORGANIZER)
    for part in ("", "guests", "waiting", "messages", "door", "settings", "edit"):
        path = f"/my-events/{event}" + (f"/{part}" if part else "")
        yield View(f"desk-{part or 'sales'}", path, ORGANIZER)
    yield View("door", f"/events/{event}/door", ORGANIZER)
    for part in ("", "users", "events", "failures", "previews"):
        yield View(f"admin-{part or 'overview'}", f"/admin/{part}".rstrip("/"), ADMIN)


class Photographer:
    def __init__(self, browser: Browser, page_url: str, auth_url: str, folder: Path) -> None:
        self._browser = browser
        self._page_url = page_url
        self._auth_url = auth_url
        self._folder = folder

    def take_all(self, shown: list[View]) -> int:
        count = 0
        for language, colours, widths in LOOKS:
            for width in widths:
                for account in dict.fromkeys(view.account for view in shown):
                    own = [view for view in shown if view.account == account]
                    count += self._take(own, language, colours, width)
        return count

    def _take(self, shown: list[View], language: str, colours: Any, width: str) -> int:
        size = WIDTHS[width]
        context = self._browser.new_context(
            base_url=self._page_url,
            locale="en-GB" if language == "en" else "ru-RU",
            timezone_id="Europe/Berlin",
            color_scheme=colours,
            reduced_motion="reduce",
            viewport={"width": size[0], "height": size[1]},
            device_scale_factor=2 if width == "phone" else 1,
            has_touch=width == "phone",
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        if shown[0].account:
            self._sign_in(context.request, shown[0].account)
        page = context.new_page()
        for view in shown:
            page.goto(view.path)
            settle(page)
            name = f"{view.name}-{language}-{colours}-{width}.png"
            page.screenshot(path=self._folder / name, full_page=True)
        context.close()
        return len(shown)

    def _sign_in(self, request: Any, account: Account) -> None:
        form = {"username": account.email, "password": PASSWORD}
        answer = request.post(f"{self._auth_url}/api/v1/auth/session", form=form)
        if not answer.ok:
            raise StackError(f"{account.email} cannot sign in: {answer.text()[:200]}")


def settle(page: Page) -> None:
    page.locator("h1").first.wait_for()
    page.wait_for_function(QUIET)
    try:
        page.wait_for_load_state("networkidle", timeout=5_000)
    except Error:
        # A view that looks again and again is never idle.
        pass


def demo_ids(page_url: str, auth_url: str) -> tuple[str, str]:
    """The demo's event with a hall, and a booking of the demo's guest. Raises StackError."""
    with httpx.Client(timeout=15) as http:
        found = http.get(f"{page_url}/api/v1/events", params={"q": HALL}).json()["items"]
        form = {"username": GUEST.email, "password": PASSWORD}
        login = http.post(f"{auth_url}/api/v1/auth/login", data=form)
        headers = {"Authorization": f"Bearer {login.json().get('access_token')}"}
        booked = http.get(f"{page_url}/api/v1/bookings", headers=headers).json().get("items")
    if not found or not booked:
        raise StackError("The demo events are missing: start with ./scripts/up -d")
    return found[0]["id"], booked[0]["id"]


def address(run_dir: Path, name: str) -> str:
    record = read_record(run_dir / f"{name}.json")
    if record is None:
        raise StackError("Nothing runs: start with ./scripts/up -d")
    return record.address.removesuffix("/docs")


def main() -> None:
    folder = Path(sys.argv[1])
    run_dir = Path(__file__).parents[2] / "var" / "run"
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        raise StackError("There is no chromium on the path.")
    page_url, auth_url = address(run_dir, "event"), address(run_dir, "auth")
    folder.mkdir(parents=True, exist_ok=True)
    shown = list(views(*demo_ids(page_url, auth_url)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        count = Photographer(browser, page_url, auth_url, folder).take_all(shown)
        browser.close()
    print(f"{count} pictures are in {folder}")


if __name__ == "__main__":
    try:
        main()
    except StackError as problem:
        sys.exit(str(problem))

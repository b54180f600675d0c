"""The service worker of one's bookings: what it keeps, and how it stays apart from that of a door."""

import json
import re

import httpx

from event_service.web.files import read_files
from event_service.web.page_worker import booking_files

# What a module imports when it is loaded, wherever it stands in the line.
IMPORT = re.compile(
    r"""\bfrom\s+["'](\.\.?/[\w./-]+)["']|^import\s+["'](\.\.?/[\w./-]+)["']""", re.M
)


async def test_all_that_shows_bookings_is_kept(browser: httpx.AsyncClient) -> None:
    script = await browser.get("/bookings-worker.js")
    assert script.headers["cache-control"] == "no-cache"
    assert script.headers["content-security-policy"] == "default-src 'none'; connect-src 'self'"
    assert not re.search(r'"\{\w+\}', script.text), "everything is filled in"
    found = re.search(r"const FILES = (\[[^\]]+\]);", script.text)
    assert found
    names = json.loads(found[1])
    assert "const WORKER_FILES = [];" in script.text
    address = f"/static/{read_files().release}/"
    for name in names:
        answer = await browser.get(address + name)
        assert answer.status_code == 200, name
        assert "immutable" in answer.headers["cache-control"]
        folder = name.rpartition("/")[0]
        for target in IMPORT.findall(answer.text) if name.endswith(".js") else ():
            known = str(httpx.URL(f"http://x/{folder}/").join("".join(target)).path).lstrip("/")
            assert known in names, (name, target)
    needed = {"app.js", "page.css", "tickets.css", "views/booking.js", "locales/ru.js"}
    assert needed <= set(names)


def test_what_bookings_do_without_is_not_kept() -> None:
    names = booking_files(read_files())
    assert 15 < len(names) < 40
    assert not [name for name in names if name.startswith(("door/", "hall/", "vendor/", "desk/"))]
    assert [name for name in names if name.startswith("views/")] == [
        "views/booking.js",
        "views/bookings.js",
    ]


async def test_a_page_lets_only_this_worker_run(browser: httpx.AsyncClient) -> None:
    policy = (await browser.get("/bookings")).headers["content-security-policy"].split("; ")
    assert "require-trusted-types-for 'script'" in policy
    assert "trusted-types bookings" in policy
    assert not any("unsafe" in part or "*" in part for part in policy)


async def test_the_two_workers_keep_what_they_have_under_different_names(
    browser: httpx.AsyncClient,
) -> None:
    bookings, door = [(await browser.get(f"/{n}-worker.js")).text for n in ("bookings", "door")]
    assert 'const NAME = "bookings";' in bookings and 'const NAME = "door";' in door
    body = [text.partition("const PATH")[2] for text in (bookings, door)]
    assert body[0] == body[1] != ""

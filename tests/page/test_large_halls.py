"""Large halls on a phone at quarter speed on a slow line: what is counted is asserted, times are printed;
the one that is promised is asserted."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.halls import arena
from tests.page.line import Line
from tests.page.windows import PHONE, Windows, sign_in
from tests.system.people import Person, publish

Json = dict[str, Any]

PATIENCE_MILLISECONDS = 60_000
# What a phone's window shows, and a margin; not what the hall has.
MOST_SEATS_IN_DOCUMENT = 600
MOST_ELEMENTS = 1_500
MOST_BYTES_OF_MAP = 120_000
MOST_BYTES_OF_PLAN = 12_000
MOST_BYTES_OF_LOOK = 5_000
LOOK = "/seats/states"
PLAN = "/seats/plan"
MOST_MILLISECONDS = 1_500
MOST_VISITS = 6

DRAWN = """() => document.querySelector('.offer') && document.querySelector('.plan')?.clientHeight
    && (document.querySelector('.overview').width > 300
        || document.querySelector('.hall .seat:nth-child(5)'))"""
NAMED = "() => Boolean(document.querySelector('.hall .seat.chosen[data-id]'))"
MILLISECONDS = "Math.round(performance.now() - window.begun)"
SCROLL = """async () => {
    const plan = document.querySelector('.plan');
    const begun = performance.now();
    for (let step = 0; step < 10; step += 1) {
        plan.scrollTop += 300;
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    }
    return Math.round((performance.now() - begun) / 10);
}"""


def quarter_taken(seats: int, version: int) -> str:
    """States as the API writes them: every fourth seat is taken."""
    return json.dumps({"version": version, "states": "fffb" * (seats // 4)})


def open_hall(phone: Page, event: Json) -> Line:
    """From the list, which has loaded before, on the slow line; returns when the hall can be used."""
    line = Line(phone)
    phone.goto("/")
    expect(phone.locator("h1")).to_be_visible()
    line.slow_down()
    phone.set_default_timeout(PATIENCE_MILLISECONDS)
    phone.evaluate(
        "(id) => { window.begun = performance.now(); location.hash = `#/events/${id}`; }",
        event["id"],
    )
    phone.wait_for_function(DRAWN, polling="raf")
    return line


@pytest.mark.parametrize("seats", [5_000, 50_000])
def test_a_large_hall_is_usable_on_a_slow_phone(
    phone: Page,
    organizer: Person,
    person: Callable[..., Person],
    seats: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hall = arena(4, 25, 50) if seats == 5_000 else arena(10, 50, 100)
    event = publish(organizer, title=f"Hall of {seats}", seating=hall)
    if seats > 5_000:
        body = quarter_taken(seats, event["version"])
        phone.route(
            f"**{LOOK}", lambda route: route.fulfill(body=body, content_type="application/json")
        )
    # Ids are for who can book.
    sign_in(phone, person(f"hall-{seats}"))
    line = open_hall(phone, event)
    figures = {"usable after ms": phone.evaluate(MILLISECONDS)}
    figures["elements, whole hall"] = phone.locator("*").count()
    phone.locator(".plan").scroll_into_view_if_needed()
    phone.evaluate("window.begun = performance.now()")
    phone.locator(".plan").tap(position={"x": 150, "y": 120})
    phone.wait_for_function("document.querySelectorAll('.hall .seat').length > 20", polling="raf")
    figures["from a tap to seats ms"] = phone.evaluate(MILLISECONDS)
    figures["ms a step of scrolling"] = phone.evaluate(SCROLL)
    figures["seats in the document"] = phone.locator(".hall .seat").count()
    figures["elements, near"] = phone.locator("*").count()
    phone.evaluate("window.begun = performance.now()")
    phone.locator(".hall .seat.free").first.evaluate("(seat) => seat.click()")
    phone.wait_for_function(NAMED, polling="raf")
    figures["from a choice to its id ms"] = phone.evaluate(MILLISECONDS)
    phone.unroute(f"**{LOOK}")
    before = line.of(LOOK)
    with phone.expect_request_finished(lambda request: request.url.endswith(LOOK)):
        phone.evaluate("(path) => fetch(path).then((answer) => answer.text())",
                       f"/api/v1/events/{event['id']}{LOOK}")  # fmt: skip
    figures["bytes of the plan"] = line.of(PLAN)
    figures["bytes of the ids"] = line.all_of("/seats")
    figures["bytes of a look"] = line.of(LOOK) - before
    with capsys.disabled():
        print(f"\n{seats} seats, 4x slower, 1.6 Mbit/s: {figures}")
    assert phone.get_by_role("grid").get_attribute("aria-rowcount") == str(
        100 if seats == 5_000 else 500
    )
    assert 20 < figures["seats in the document"] <= MOST_SEATS_IN_DOCUMENT
    assert max(figures["elements, whole hall"], figures["elements, near"]) <= MOST_ELEMENTS
    assert 0 < figures["bytes of a look"] <= MOST_BYTES_OF_LOOK
    assert 0 < figures["bytes of the plan"] <= MOST_BYTES_OF_PLAN
    if seats == 5_000:
        assert 0 < figures["bytes of the ids"] <= MOST_BYTES_OF_MAP


@pytest.mark.alone
def test_a_hall_of_5000_seats_is_usable_in_time(
    windows: Windows, organizer: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    """What else a machine does makes a visit longer and none shorter: the shortest of some counts."""
    event = publish(organizer, title="Hall in time", seating=arena(4, 25, 50))
    taken: list[int] = []
    while len(taken) < MOST_VISITS and min(taken, default=MOST_MILLISECONDS) >= MOST_MILLISECONDS:
        phone = windows.open(**PHONE)
        open_hall(phone, event)
        taken.append(phone.evaluate(MILLISECONDS))
        phone.context.close()
    with capsys.disabled():
        print(f"\n5000 seats, 4x slower, 1.6 Mbit/s: usable after {taken} ms")
    assert min(taken) < MOST_MILLISECONDS


def test_a_hall_and_its_view_are_asked_for_at_once(windows: Windows, organizer: Person) -> None:
    """On a slow line each request takes its time, and browsers make six at once."""
    event = publish(organizer, title="Hall asked for", seating=arena(1, 2, 10))
    phone = windows.open(**PHONE)
    phone.goto("/")
    phone.wait_for_load_state("networkidle")
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(request.url))
    phone.evaluate("(id) => { location.hash = `#/events/${id}`; }", event["id"])
    phone.wait_for_function(DRAWN, polling="raf")
    needed = [url for url in asked if not url.endswith("icon.svg")]
    # The view, its styles, the event, what is left of it, its plan and states.
    assert len(needed) == 6, needed

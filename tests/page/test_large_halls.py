"""Large halls on a phone at quarter speed on a slow line: what is counted is asserted, times are printed."""

import json
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from tests.page.halls import arena
from tests.page.line import Line
from tests.system.people import Person, publish

Json = dict[str, Any]

PATIENCE_MILLISECONDS = 60_000
# What a phone's window shows, and a margin; not what the hall has.
MOST_SEATS_IN_DOCUMENT = 600
MOST_ELEMENTS = 1_500
MOST_BYTES_OF_MAP = 120_000
MOST_BYTES_OF_LOOK = 5_000
LOOK = "/seats/states"

DRAWN = """() => document.querySelector('.offer') && document.querySelector('.plan')?.clientHeight
    && (document.querySelector('.overview').width > 300
        || document.querySelector('.hall .seat:nth-child(5)'))"""
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


def map_of(sections: int, rows: int, columns: int) -> str:
    """A seat map as the API writes it, with ids of their own: every fourth seat is taken."""
    count = 0

    def seat(number: int) -> Json:
        nonlocal count
        count += 1
        state = "booked" if count * 7919 % 4 == 0 else "free"
        return {"id": str(UUID(int=count * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128)), "number": number,
                "column": number, "kind": "standard", "state": state}  # fmt: skip

    blocks = [
        {
            "name": f"Block {section}",
            "price": 9000 - 1000 * (section % 4),
            "rows": [
                {"name": f"{row}", "seats": [seat(n + 1) for n in range(columns)]}
                for row in range(rows)
            ],
        }
        for section in range(sections)
    ]
    return json.dumps({"sections": blocks})


@pytest.mark.parametrize("seats", [5_000, 50_000])
def test_a_large_hall_is_usable_on_a_slow_phone(
    phone: Page, organizer: Person, seats: int, capsys: pytest.CaptureFixture[str]
) -> None:
    event = publish(organizer, title=f"Hall of {seats}", seating=arena(4, 25, 50))
    if seats > 5_000:
        body = map_of(10, 50, 100)
        phone.route(
            "**/seats", lambda route: route.fulfill(body=body, content_type="application/json")
        )
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
    with phone.expect_request_finished(lambda request: request.url.endswith(LOOK)):
        phone.evaluate("(path) => fetch(path).then((answer) => answer.text())",
                       f"/api/v1/events/{event['id']}{LOOK}")  # fmt: skip
    figures["bytes of the map"] = line.of("/seats")
    figures["bytes of a look"] = line.of(LOOK)
    with capsys.disabled():
        print(f"\n{seats} seats, 4x slower, 1.6 Mbit/s: {figures}")
    assert phone.get_by_role("grid").get_attribute("aria-rowcount") == str(
        100 if seats == 5_000 else 500
    )
    assert 20 < figures["seats in the document"] <= MOST_SEATS_IN_DOCUMENT
    assert max(figures["elements, whole hall"], figures["elements, near"]) <= MOST_ELEMENTS
    assert 0 < figures["bytes of a look"] <= MOST_BYTES_OF_LOOK
    if seats == 5_000:
        assert 0 < figures["bytes of the map"] <= MOST_BYTES_OF_MAP

"""Bad networks: lost, slow, or with a part missing. Each view says what is the case, and nothing is lost."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error, Page, Route, expect

from tests.page.test_bookings import (
    HALL,
    codes_in,
    codes_of,
    open_booking,
    wait_until_kept,
    with_booking,
)
from tests.page.windows import PHONE, Windows, assert_accessible, sign_in
from tests.system.people import Person, publish

MakePerson = Callable[..., Person]
Json = dict[str, Any]
AWAY = "We cannot be reached now"
# What an older release has kept, for whoever is without a network.
PUT_OLD_PAGE = """async () => {
    const [name] = await caches.keys();
    const cache = await caches.open(name);
    const kept = await cache.match("/bookings");
    const text = (await kept.text()).replace("<footer", "<p>An old page</p><footer");
    await cache.put("/bookings", new Response(text, { headers: kept.headers }));
}"""
ALL_THAT_IS_KEPT = """async () => [
    (await navigator.serviceWorker.getRegistrations()).length,
    (await caches.keys()).length,
    localStorage.getItem("parterre-tickets"),
]"""


def cellar(
    windows: Windows, organizer: Person, guest: Person, **options: Any
) -> tuple[BrowserContext, Json]:
    """A phone that has looked at two tickets, was closed, and has no network."""
    phone = windows.open(**PHONE, **options)
    booking = with_booking(phone, guest, organizer, 2, title="In the cellar", seating=HALL)
    open_booking(phone, booking)
    phone.close()
    phone.context.set_offline(True)
    return phone.context, booking


def test_kept_tickets_open_anew_without_a_network(
    windows: Windows, organizer: Person, person: MakePerson
) -> None:
    context, booking = cellar(windows, organizer, person("cellar"))
    page = context.new_page()
    page.goto("/bookings")
    expect(page.get_by_text(AWAY)).to_be_visible()
    assert_accessible(page, looks=("light",))
    page.get_by_role("link", name="In the cellar").click()
    expect(page.locator(".ticket .qr img")).to_have_count(2)
    page = context.new_page()
    page.goto(f"/bookings/{booking['id']}")
    expect(page.get_by_text(AWAY)).to_be_visible()
    expect(page.locator(".ticket .qr img")).to_have_count(2)
    assert codes_in(page) == codes_of(booking)
    page.evaluate(PUT_OLD_PAGE)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("An old page")).to_be_visible()
    expect(page.get_by_text(AWAY)).to_be_visible()
    context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Cancel booking")).to_be_visible()
    expect(page.get_by_text("An old page")).to_have_count(0)
    page.locator("#top button[aria-controls=places]").click()
    page.locator(".person").get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.wait_for_function(f"({ALL_THAT_IS_KEPT})().then((all) => String(all) === '0,0,')")


def test_control_without_the_worker_there_is_no_page_and_none_is_promised(
    windows: Windows, organizer: Person, person: MakePerson
) -> None:
    guest = person("cellar-bare")
    phone = windows.open(**PHONE, service_workers="block")
    booking = with_booking(phone, guest, organizer, 1, title="In the cellar", seating=HALL)
    open_booking(phone, booking)
    expect(phone.locator(".kept")).to_contain_text("as long as this page stays open")
    phone.context.set_offline(True)
    with pytest.raises(Error, match="ERR_INTERNET_DISCONNECTED"):
        phone.context.new_page().goto("/bookings")


def in_a_hall(window: Page, organizer: Person, guest: Person, title: str) -> Json:
    """The event's page with its two best seats chosen, by somebody who is signed in."""
    event = publish(organizer, title=title, seating=HALL)
    sign_in(window, guest)
    window.goto(f"/events/{event['id']}")
    window.locator(".offer").first.click()
    expect(window.locator(".panel .chosen-seats li")).to_have_count(2)
    return event


def lose_answers(window: Page, path: str) -> None:
    """The server does what it is asked for, and nobody hears of it. What is only read comes through."""

    def lose(route: Route) -> None:
        if route.request.method == "GET":
            return route.fallback()
        route.fetch()
        route.abort()

    window.route(path, lose)


def statuses(guest: Person) -> list[str]:
    return [item["status"] for item in guest.send("GET", "/bookings", 200).json()["items"]]


@pytest.mark.parametrize("then", ["looks", "holds"])
def test_a_booking_whose_answer_got_lost_is_found_and_not_made_twice(
    page: Page, organizer: Person, person: MakePerson, then: str
) -> None:
    guest = person(f"lost-{then}")
    in_a_hall(page, organizer, guest, "Lost on the way")
    lose_answers(page, "**/api/v1/bookings")
    page.get_by_role("button", name="Book now").click()
    expect(page.get_by_role("alert")).to_contain_text("No connection")
    if then == "looks":
        # Back from another window, the page asks at once which seats are left.
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    else:
        page.get_by_role("button", name="Hold for now").click()
    expect(page.get_by_text("Booked. Your tickets are ready.")).to_be_visible()
    expect(page.locator(".gone, .panel .alert")).to_have_count(0)
    assert statuses(guest) == ["confirmed"]


def test_a_confirmation_whose_answer_got_lost_is_not_told_as_the_end_of_the_hold(
    page: Page, organizer: Person, person: MakePerson
) -> None:
    guest = person("lost-confirm")
    page.clock.install()
    in_a_hall(page, organizer, guest, "Confirmed unheard")
    page.get_by_role("button", name="Hold for now").click()
    lose_answers(page, "**/confirm")
    page.get_by_role("button", name="Confirm booking").click()
    expect(page.get_by_role("alert")).to_contain_text("No connection")
    page.route("**/api/v1/bookings/*", lambda route: route.abort())
    page.clock.fast_forward(605_000)
    expect(page.locator(".rest")).to_have_text("0:00")
    expect(page.get_by_role("alert")).to_contain_text("No connection")
    page.unroute("**/api/v1/bookings/*")
    page.clock.fast_forward(10_000)
    expect(page.get_by_text("Booked. Your tickets are ready.")).to_be_visible()
    expect(page.locator(".gone, .panel .alert")).to_have_count(0)
    assert statuses(guest) == ["confirmed"]


def test_a_part_that_is_missing_leaves_what_can_be_read_and_a_way_on(
    page: Page, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Read in parts")
    sign_in(page, person("parts"))
    for path, module, read in (
        (f"/events/{event['id']}", "**/views/event.js", "Read in parts"),
        ("/bookings", "**/views/bookings.js", "That did not work"),
        ("/account", "**/account/devices.js", "That did not work"),
    ):
        page.route(module, lambda route: route.abort())
        page.goto(path)
        expect(page.get_by_text("A part of the page did not arrive.")).to_be_visible()
        expect(page.locator("main").get_by_role("heading", name=read)).to_be_visible()
        page.unroute(module)
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("A part of the page did not arrive.")).to_have_count(0)
        expect(page.locator("main h1")).to_be_visible()
    for asked, path, what in (
        ("**/notifications/preferences", "/account", "Remind me by mail a day before an event"),
        ("**/api/v1/waitlist?*", "/bookings", "Waitlists"),
    ):
        page.route(asked, lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
        page.goto(path)
        expect(page.get_by_text(f"“{what}” cannot be shown at the moment.")).to_be_visible()


def test_while_nobody_can_say_who_one_is_one_sees_what_everybody_may(
    page: Page, organizer: Person, person: MakePerson
) -> None:
    """auth-service is away, and the session's token has ended."""
    event = publish(organizer, title="For everybody", seating=HALL)
    sign_in(page, person("nobody"))
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "parterre_session"]
    page.context.add_cookies([{**cookie, "value": "ended"}])  # type: ignore[typeddict-item]
    for path in ("**/api/v1/auth/**", "**/api/v1/users/**"):
        page.route(path, lambda route: route.abort())
    page.goto(f"/events/{event['id']}")
    expect(page.get_by_text("Whether you have seats here already")).to_be_visible()
    page.locator(".offer").first.click()
    page.get_by_role("button", name="Book now").click()
    expect(page.get_by_role("alert")).to_contain_text("No connection")
    expect(page.locator(".panel .chosen-seats li")).to_have_count(2)
    page.goto("/bookings")
    expect(page.get_by_text("No connection.")).to_be_visible()


def test_a_line_that_carries_nothing_is_told_and_kept_tickets_come_soon(
    windows: Windows, organizer: Person, person: MakePerson
) -> None:
    # What a worker has asked for is not seen by ``route``.
    page = windows.open(service_workers="block")
    booking = with_booking(page, person("no-line"), organizer, 1, title="In the hall")
    page.clock.install()
    page.route("**/api/v1/bookings**", lambda route: None)
    with page.expect_request("**/api/v1/bookings**"):
        page.goto("/bookings")
    page.clock.fast_forward(7_000)
    expect(page.get_by_text("still waiting for an answer")).to_be_visible()
    page.clock.fast_forward(60_000)
    expect(page.get_by_text("No connection.")).to_be_visible()
    page.unroute("**/api/v1/bookings**")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("link", name="In the hall")).to_be_visible()
    open_booking(page, booking)
    page.route("**/api/v1/bookings**", lambda route: None)
    page.goto("/bookings")
    expect(page.get_by_text(AWAY)).to_be_visible()
    expect(page.get_by_role("link", name="In the hall")).to_be_visible()


def test_a_device_whose_clock_is_wrong_follows_the_servers(
    phone: Page, organizer: Person, person: MakePerson
) -> None:
    guest = person("wrong-clock")
    # After the end of the event, by this device.
    phone.clock.install(time=datetime.now(UTC) + timedelta(days=40))
    event = in_a_hall(phone, organizer, guest, "By the right clock")
    phone.get_by_role("button", name="Hold for now").click()
    expect(phone.locator(".rest")).to_have_text(re.compile(r"^9:\d\d$"))
    phone.get_by_role("button", name="Confirm booking").click()
    phone.get_by_role("link", name="Show tickets").click()
    wait_until_kept(phone)
    phone.context.set_offline(True)
    phone.goto("/bookings")
    expect(phone.locator(".bookings-upcoming")).to_contain_text(event["title"])
    expect(phone.get_by_role("button", name="Show the ticket")).to_be_visible()


def test_a_message_whose_answer_got_lost_reaches_each_guest_once(
    page: Page, organizer: Person, person: MakePerson
) -> None:
    guest = person("lost-letter")
    event = publish(organizer, title="A letter")
    guest.book(event)
    sign_in(page, organizer)
    page.goto(f"/my-events/{event['id']}/messages")
    page.locator("[name=subject]").fill("Doors")
    page.locator("[name=body]").fill("They open at six.")
    page.get_by_role("button", name="See it before it goes").click()
    send = page.get_by_role("button", name=re.compile("^Send"))
    keys: list[str | None] = []

    def lose(route: Route) -> None:
        keys.append(route.request.headers.get("idempotency-key"))
        if len(keys) > 1:
            return route.fallback()
        route.fetch()
        route.abort()

    page.route("**/messages", lose)
    send.click()
    expect(page.get_by_role("alert")).to_contain_text("No connection")
    send.click()
    expect(page.locator("[name=body]")).to_have_value("")
    assert len(keys) == 2 and keys[0] == keys[1] is not None

"""Bad networks: lost, slow, or with a part missing. Each view says what is the case, and nothing is lost."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error, expect

from tests.page.test_bookings import HALL, codes_in, codes_of, open_booking, with_booking
from tests.page.windows import PHONE, Windows, assert_accessible
from tests.system.people import Person

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

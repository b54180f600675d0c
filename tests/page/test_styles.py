"""Styles of several views that meet on one page: those of a view stay when another is opened.

``events/test_page_sources.py`` compares the styles themselves."""

from collections.abc import Callable

from playwright.sync_api import FloatRect, Locator, Page, expect

from tests.page.halls import THEATRE, open_event
from tests.page.windows import assert_not_wider_than_the_window, sign_in
from tests.system.people import Person, publish


def box(locator: Locator) -> FloatRect:
    found = locator.bounding_box()
    assert found, locator
    return found


def assert_in_its_place(page: Page) -> None:
    """The title stands in the banner, beside the date."""
    banner, title, date = (box(page.locator(one)) for one in (".banner", "h1", ".banner .date"))
    assert title["x"] >= date["x"] + date["width"], (title, date)
    assert title["y"] > banner["y"], (title, banner)
    assert title["x"] + title["width"] <= banner["x"] + banner["width"], (title, banner)
    assert title["y"] + title["height"] <= banner["y"] + banner["height"], (title, banner)


def test_tickets_can_be_shown_after_a_look_at_the_hall(
    window: Page, guest: Person, organizer: Person
) -> None:
    event = publish(organizer, title="W" * 80, venue="V" * 80, city="C" * 60, seating=THEATRE)
    booking = guest.book(event, 2).json()
    guest.send("PATCH", f"/bookings/{booking['id']}", 200, json={"guest_name": "N" * 80})
    sign_in(window, guest)
    open_event(window, event)
    assert_in_its_place(window)
    window.get_by_role("link", name="Show tickets").click()
    expect(window.locator(".booking-facts")).to_contain_text("N" * 80)
    assert_in_its_place(window)
    assert_not_wider_than_the_window(window)
    window.get_by_role("button", name="Show the tickets").click()
    screen = window.locator(".ticket-screen")
    # A press lands on the buttons, and not on the code over them.
    screen.get_by_role("button", name="Next").click()
    expect(screen.locator(".ticket-count")).to_contain_text("Ticket 2 of 2")
    screen.get_by_role("button", name="Close").click()
    expect(screen).to_have_count(0)


SHAPE_OF = """(element) => {
    const { maxWidth, marginTop, borderTopLeftRadius } = getComputedStyle(element);
    return [maxWidth, marginTop, borderTopLeftRadius];
}"""


def test_the_list_looks_the_same_after_a_look_at_the_desk(
    desktop: Page, person: Callable[..., Person]
) -> None:
    # Somebody with few events: this one is on the first page of them.
    organizer = person("styles")
    event = publish(organizer, title="As before")
    sign_in(desktop, organizer)
    desktop.goto("/?q=as+before")
    picture = desktop.locator(".card .picture").first
    before = picture.evaluate(SHAPE_OF)
    desktop.get_by_role("link", name="My events").click()
    desktop.locator(f"a[href='/my-events/{event['id']}']").click()
    desktop.get_by_role("link", name="Settings").click()
    expect(desktop.locator(".desk-settings")).to_be_visible()
    desktop.get_by_role("link", name="Events", exact=True).click()
    expect(picture).to_be_visible()
    assert picture.evaluate(SHAPE_OF) == before

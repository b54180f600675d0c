"""Finding an event: search as one types, what is near where nothing is found, and what an event says."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.windows import Windows, assert_accessible, sign_in
from tests.system.people import Person, publish

HALL = {"kind": "assigned", "sections": [
    {"name": "Stalls", "price": 4500, "rows": [{"name": "A", "seats": 4}]},
    {"name": "Gallery", "price": 1500, "rows": [{"name": "A", "seats": 4}]},
]}  # fmt: skip
TEXT = "See https://example.org/a_(b), not http://plain.example.\n\njavascript:alert(1)"


@pytest.fixture(scope="module")
def orchard(organizer: Person) -> dict[str, Any]:
    event = publish(
        organizer,
        title="Orchard to be found",
        city="Findington",
        category="Theatre",
        currency="GBP",
        timezone="Europe/London",
        seating=HALL,
        description=TEXT,
        organizer_name="Orchard Society",
        payment_note="In cash at the box office",
    )
    doors = datetime.fromisoformat(event["starts_at"]) - timedelta(minutes=30)
    change = {"doors_at": doors.isoformat()}
    changed: dict[str, Any] = organizer.send(
        "PATCH", f"/events/{event['id']}", 200, json=change
    ).json()
    return changed


def test_whoever_types_half_a_word_finds_and_comes_back_to_it(
    window: Page, orchard: dict[str, Any]
) -> None:
    window.goto("/")
    window.get_by_role("searchbox").press_sequentially("orchrd foun")
    expect(window.locator(".count")).to_have_text("1 event")
    expect(window).to_have_url(re.compile(r"/\?q=orchrd\+foun$"))
    expect(window.locator(".card .price")).to_have_text("from £15.00")
    assert_accessible(window)
    # By keyboard alone.
    window.get_by_role("link", name=orchard["title"]).focus()
    window.keyboard.press("Enter")
    expect(window.locator("h1")).to_have_text(orchard["title"])
    window.go_back()
    expect(window.get_by_role("searchbox")).to_have_value("orchrd foun")
    expect(window.locator(".card")).to_have_count(1)
    window.reload()
    expect(window.locator(".card")).to_have_count(1)


def test_cities_are_offered_with_counts_and_an_empty_result_offers_what_is_near(
    window: Page, orchard: dict[str, Any]
) -> None:
    window.goto("/?q=orchard")
    city = window.get_by_role("combobox", name="City")
    expect(city.locator("option", has_text="Findington (1)")).to_have_count(1)
    city.select_option("Findington")
    window.get_by_role("combobox", name="When").select_option("today")
    expect(window.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(window.get_by_role("heading", name="Coming next in Findington")).to_be_visible()
    assert_accessible(window)
    window.get_by_role("link", name="At any time").click()
    expect(window.locator(".card", has_text=orchard["title"])).to_be_visible()
    expect(city).to_have_value("Findington")


NOTED = """window.asked = [];
const real = window.fetch;
window.fetch = (url, options) => {
    window.asked.push([String(url), options.signal]);
    return real(url, options);
};"""


def test_a_search_that_was_overtaken_is_given_up(page: Page, orchard: dict[str, Any]) -> None:
    page.add_init_script(NOTED)
    # It is never answered.
    page.route(re.compile(r"q=orchard&"), lambda route: None)
    page.goto("/")
    page.get_by_role("searchbox").fill("orchard")
    found = "window.asked.find(([url]) => url.includes('q=orchard&'))"
    page.wait_for_function(f"() => {found}")
    page.get_by_role("searchbox").fill("orchard to be found")
    expect(page.locator(".count")).to_have_text("1 event")
    # The list may have had one event before.
    page.wait_for_function(f"() => {found}[1].aborted")


def test_dates_are_chosen_in_a_calendar(page: Page, orchard: dict[str, Any]) -> None:
    day = orchard["starts_at"][:10]
    page.goto("/?city=Findington")
    page.get_by_role("combobox", name="When").select_option("dates")
    page.get_by_label("From").fill(day)
    page.get_by_label("To").fill(day)
    expect(page).to_have_url(re.compile(f"from={day}&to={day}$"))
    expect(page.locator(".card", has_text=orchard["title"])).to_be_visible()


def test_an_event_says_all_that_one_wants_to_know_before_booking(
    window: Page, orchard: dict[str, Any]
) -> None:
    window.goto(f"/events/{orchard['id']}")
    facts = window.locator(".facts")
    for text in ("On your clock:", "Doors open:", "Orchard Society", "In cash at the box office"):
        expect(facts).to_contain_text(text)
    expect(facts).to_contain_text("You can cancel until it begins.")
    place = window.get_by_role("link", name="Show on a map")
    assert "openstreetmap.org" in (place.get_attribute("href") or "")
    (link,) = window.locator(".prose a").all()
    assert link.get_attribute("href") == "https://example.org/a_(b)"
    assert {"noopener", "nofollow"} <= set((link.get_attribute("rel") or "").split())
    with window.expect_download() as file:
        window.get_by_role("link", name="Add to calendar").click()
    assert "BEGIN:VCALENDAR" in file.value.path().read_text()
    assert_accessible(window)


def test_scripts_write_times_as_the_server_does(windows: Windows, organizer: Person) -> None:
    """Nothing jumps when they take over, and 7:00 is not taken for the evening."""
    times = {"starts_at": "2027-01-01T18:00:00Z", "ends_at": "2027-01-01T20:00:00Z"}
    event = publish(organizer, title="Breakfast run", timezone="Pacific/Auckland", **times)
    shown = []
    for scripts in (False, True):
        page = windows.open(java_script_enabled=scripts)
        page.goto("/?q=breakfast+run")
        card = page.locator(".card", has=page.locator(f"a[href='/events/{event['id']}']"))
        shown.append(card.locator(".fact").first.inner_text())
    assert shown == ["07:00 GMT+13"] * 2


def test_a_link_is_shared_or_copied(page: Page, orchard: dict[str, Any]) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/events/{orchard['id']}")
    page.get_by_role("button", name="Share").click()
    toast = page.locator(".toast")
    expect(toast).to_have_text("The link is copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.endswith(f"/events/{orchard['id']}")


COVERED = """() => {
    const note = document.querySelector('.toast').getBoundingClientRect();
    return [...document.querySelectorAll('main a[href], main button, header a, header button')]
        .map((control) => control.getBoundingClientRect())
        .filter((box) => box.width && box.left < note.right && box.right > note.left
            && box.top < note.bottom && box.bottom > note.top).length;
}"""


def test_a_message_covers_nothing_that_can_be_pressed(phone: Page, orchard: dict[str, Any]) -> None:
    phone.goto(f"/events/{orchard['id']}")
    button = phone.get_by_role("button", name="Share")
    # Where a message would stand.
    button.evaluate("(element) => element.scrollIntoView({block: 'end'})")
    button.click()
    expect(phone.locator(".toast")).to_be_visible()
    phone.wait_for_function(f"() => ({COVERED})() === 0")


def test_the_head_is_one_row_on_a_phone_and_its_menu_works_by_keyboard(
    phone: Page, guest: Person
) -> None:
    sign_in(phone, guest)
    phone.goto("/")
    menu = phone.get_by_role("button", name="Menu")
    expect(menu).to_be_visible()
    assert phone.locator("#top").evaluate("(top) => top.offsetHeight") <= 64
    menu.focus()
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("link", name="My bookings")).to_be_visible()
    assert_accessible(phone)
    phone.keyboard.press("Escape")
    expect(phone.get_by_role("link", name="My bookings")).to_be_hidden()
    expect(menu).to_be_focused()
    phone.keyboard.press("Enter")
    phone.get_by_role("link", name="My bookings").click()
    expect(phone).to_have_url(re.compile("/bookings$"))
    expect(menu).to_have_attribute("aria-expanded", "false")

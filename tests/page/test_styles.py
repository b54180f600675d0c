"""Styles of several views that meet on one page: those of a view stay when another is opened."""

import re
from collections.abc import Iterator

from playwright.sync_api import FloatRect, Locator, Page, expect

from event_service.web.files import FOLDER
from tests.page.halls import THEATRE, open_event
from tests.page.windows import sign_in
from tests.system.people import Person, publish

# Always there; each of the others comes with the views that need it. The door is a page of its own.
PAGE = {f"{name}.css" for name in "base controls list notices parts picture event".split()}
# What one view has in two files, or what is meant to change what is always there.
MEANT = {("desk.css", "desk-parts.css", "strip"), ("seat-map.css", "event.css", "seats")}
ONE_CLASS = re.compile(r"\.([\w-]+)(?::(?!has)[\w-]+)?$")


def selectors(css: str) -> list[str]:
    rules = re.findall(r"([^{};]+)\{", re.sub(r"/\*.*?\*/", "", css, flags=re.S))
    return [selector.strip() for rule in rules for selector in rule.split(",")]


def collisions(files: dict[str, list[str]]) -> Iterator[tuple[str, str, str]]:
    """A class that a file of some views defines, and another file knows as well."""
    for name in files.keys() - PAGE:
        own = {found[1] for one in files[name] if (found := ONE_CLASS.match(one))}
        for other, theirs in files.items():
            known = {word for one in theirs for word in re.findall(r"\.([A-Za-z][\w-]*)", one)}
            if other != name:
                yield from ((name, other, word) for word in own & known)


def test_no_view_changes_what_others_look_like() -> None:
    files = {
        str(path.relative_to(FOLDER)): selectors(path.read_text(encoding="utf-8"))
        for path in FOLDER.rglob("*.css")
        if path.parent.name != "door"
    }
    assert PAGE < files.keys()
    assert set(collisions(files)) == MEANT


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
    sign_in(window, guest)
    open_event(window, event)
    assert_in_its_place(window)
    window.get_by_role("link", name="Show tickets").click()
    assert_in_its_place(window)
    width, room = window.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= room, f"/bookings/{booking['id']} scrolls sideways"
    window.get_by_role("button", name="Show the tickets").click()
    screen = window.locator(".ticket-screen")
    # A press lands on the buttons, and not on the code over them.
    screen.get_by_role("button", name="Next").click()
    expect(screen.locator(".ticket-count")).to_contain_text("Ticket 2 of 2")
    screen.get_by_role("button", name="Close").click()
    expect(screen).to_have_count(0)

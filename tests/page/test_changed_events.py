"""An organizer changes an event while somebody looks at it: what is told, and what stays as it was."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.page.halls import chosen, open_event, seat
from tests.page.windows import assert_accessible, sign_in
from tests.system.people import Person, publish

Json = dict[str, Any]
MakePerson = Callable[..., Person]

CHANGED = "This event has just been changed. Look at it again, then book."
CHANGED_HERE = "This event has just been changed. Look at it again."
ROWS = [{"name": "B", "seats": 6}, {"name": "C", "seats": 6}]
FOCUSED = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
# As when somebody comes back to the window; what the services tell of seats may be a second old.
LOOK = "document.dispatchEvent(new Event('visibilitychange'))"
AGE_MILLISECONDS = 1_300


def sections(rows: list[Json] = ROWS, **more: Any) -> list[Json]:
    return [{"name": "Stalls", "rows": rows, **more}]


@pytest.fixture
def hall(organizer: Person) -> Json:
    return publish(
        organizer, title="Changing", seating={"kind": "assigned", "sections": sections()}
    )


@pytest.fixture
def guest(page: Page, person: MakePerson) -> Person:
    who = person("changed")
    sign_in(page, who)
    return who


def change(organizer: Person, event: Json, **values: Any) -> None:
    organizer.send("PATCH", f"/events/{event['id']}", 200, json=values)


def choose(page: Page, *names: str) -> None:
    with page.expect_response("**/seats"):
        for name in names:
            seat(page, name).click()
    expect(chosen(page)).to_have_count(len(names))


def look_again(page: Page, event: Json) -> None:
    """Returns when the page has asked for all of the event anew."""
    page.wait_for_timeout(AGE_MILLISECONDS)
    with page.expect_response("**/seats/plan"):
        page.evaluate(LOOK)


def bookings(guest: Person) -> list[Json]:
    items: list[Json] = guest.send("GET", "/bookings", 200).json()["items"]
    return items


def book(page: Page) -> None:
    page.get_by_role("button", name="Book now").click()


def expect_booked(page: Page) -> None:
    expect(page.get_by_text("Booked. Your tickets are ready.")).to_be_visible()


def test_chosen_seats_that_are_none_any_more_are_named(
    page: Page, hall: Json, guest: Person, organizer: Person
) -> None:
    open_event(page, hall)
    choose(page, "Row B, seat 3", "Row B, seat 6", "Row C, seat 1")
    change(organizer, hall, sections=sections([{"name": "B", "seats": 5}]))
    book(page)
    alert = page.get_by_role("alert")
    expect(alert).to_have_count(1)
    gone = "No longer in this hall: Stalls, row B, seat 6; Stalls, row C, seat 1."
    expect(alert).to_have_text(f"{CHANGED} {gone}")
    expect(chosen(page)).to_have_count(1)
    expect(page.get_by_role("button", name="Book now")).to_be_focused()
    assert_accessible(page)
    page.keyboard.press("Enter")
    expect_booked(page)
    assert [one["number"] for one in bookings(guest)[0]["seats"]] == [3]


def test_seats_that_somebody_else_has_are_told_with_the_change(
    page: Page, hall: Json, guest: Person, organizer: Person, person: MakePerson
) -> None:
    open_event(page, hall)
    choose(page, "Row B, seat 3", "Row B, seat 4")
    ids = [one.get_attribute("data-id") for one in page.locator(".seat.chosen[data-id]").all()]
    body = {"event_id": hall["id"], "seat_ids": ids[:1]}
    person("changed-faster").send("POST", "/bookings", 201, json=body)
    change(organizer, hall, price=9_900)
    book(page)
    expect(page.get_by_role("alert")).to_have_count(1)
    expect(page.get_by_role("alert")).to_contain_text(f"{CHANGED} Somebody was faster")
    expect(page.locator(".gone")).to_have_text("Taken meanwhile: Stalls, row B, seat 3.")


def open_one_of(page: Page, hall: Json, organizer: Person, seating: str) -> Json:
    """The hall with a seat chosen, or an event without seats."""
    if seating == "general":
        event = publish(organizer, title="Changing")
        page.goto(f"/events/{event['id']}")
        return event
    page.goto(f"/events/{hall['id']}")
    choose(page, "Row B, seat 3")
    return hall


@pytest.mark.parametrize("seating", ["general", "assigned"])
def test_while_the_event_is_shown_anew_the_button_is_busy(
    page: Page, hall: Json, guest: Person, organizer: Person, seating: str
) -> None:
    event = open_one_of(page, hall, organizer, seating)
    change(organizer, event, price=9_900)
    sent: list[Request] = []
    page.on("request", lambda one: sent.append(one) if one.method == "POST" else None)
    waiting: list[Route] = []
    page.route("**/availability", lambda route: waiting.append(route), times=1)
    button = page.get_by_role("button", name="Book now")
    with page.expect_request("**/availability"):
        button.click()
    expect(button).to_have_attribute("aria-busy", "true")
    button.click(force=True)
    page.get_by_role("button", name="Hold for now").click(force=True)
    waiting[0].continue_()
    expect(page.get_by_role("alert")).to_have_text(CHANGED)
    assert len([one for one in sent if one.url.endswith("/bookings")]) == 1
    expect(button).not_to_have_attribute("aria-busy", "true")
    button.click()
    expect_booked(page)
    assert [one["total"] for one in bookings(guest)] == [9_900]


@pytest.mark.parametrize("seating", ["general", "assigned"])
def test_nobody_is_asked_again_for_words(
    page: Page, hall: Json, guest: Person, organizer: Person, seating: str
) -> None:
    event = open_one_of(page, hall, organizer, seating)
    change(organizer, event, title="Said better", description="And more of it")
    book(page)
    expect_booked(page)
    assert len(bookings(guest)) == 1


def test_whoever_walks_through_the_hall_stays_there_while_words_change(
    page: Page, hall: Json, guest: Person, organizer: Person
) -> None:
    open_event(page, hall)
    choose(page, "Row B, seat 3")
    page.keyboard.press("ArrowDown")
    handle = page.locator(".hall .seat:focus").element_handle()
    change(organizer, hall, description="And more of it")
    look_again(page, hall)
    # Once more: the plan that is seen is known to be the newest.
    page.wait_for_timeout(AGE_MILLISECONDS)
    page.evaluate(LOOK)
    page.wait_for_timeout(AGE_MILLISECONDS)
    assert handle and handle.evaluate("node => node === document.activeElement")
    expect(page.get_by_role("alert")).to_have_count(0)
    book(page)
    expect_booked(page)


def test_whoever_walks_through_the_hall_is_on_the_same_seat_after_a_change(
    page: Page, hall: Json, guest: Person, organizer: Person
) -> None:
    open_event(page, hall)
    choose(page, "Row B, seat 3")
    page.keyboard.press("ArrowDown")
    change(organizer, hall, price=9_900)
    look_again(page, hall)
    expect(page.get_by_role("alert")).to_have_text(CHANGED_HERE)
    assert re.match(r"(Stalls\. )?Row C, seat 3, .*€99", page.evaluate(FOCUSED))
    expect(chosen(page)).to_have_count(1)


def test_whoever_has_just_booked_still_reads_so_after_a_change(
    page: Page, hall: Json, guest: Person, organizer: Person
) -> None:
    open_event(page, hall)
    choose(page, "Row B, seat 3")
    book(page)
    expect_booked(page)
    change(organizer, hall, price=9_900)
    look_again(page, hall)
    expect(page.get_by_role("alert")).to_have_text(CHANGED_HERE)
    expect_booked(page)
    expect(page.get_by_role("link", name="Show tickets")).to_be_focused()


@pytest.mark.parametrize("seating", ["general", "assigned"])
def test_an_event_that_is_cancelled_meanwhile_is_shown_as_such(
    page: Page, hall: Json, guest: Person, organizer: Person, seating: str
) -> None:
    event = hall if seating == "assigned" else publish(organizer, title="Cancelled")
    page.goto(f"/events/{event['id']}")
    if seating == "assigned":
        choose(page, "Row B, seat 3")
    organizer.send("POST", f"/events/{event['id']}/cancel", 200, json={})
    book(page)
    expect(page.get_by_role("alert")).to_have_text("Seats are not on sale now.")
    expect(page.get_by_role("button", name="Book now")).to_have_count(0)
    expect(page.locator(".panel")).to_contain_text("cancelled")
    assert page.evaluate("document.activeElement.closest('.panel') !== null")
    assert_accessible(page)


def test_a_hold_is_not_confirmed_for_another_place(
    page: Page, hall: Json, guest: Person, organizer: Person
) -> None:
    open_event(page, hall)
    choose(page, "Row B, seat 3")
    page.get_by_role("button", name="Hold for now").click()
    confirm = page.get_by_role("button", name="Confirm booking")
    expect(confirm).to_be_focused()
    change(organizer, hall, venue="Castle")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text(CHANGED)
    expect(page.locator("article.event")).to_contain_text("Castle")
    assert [one["status"] for one in bookings(guest)] == ["held"]
    expect(confirm).to_be_focused()
    page.keyboard.press("Enter")
    expect_booked(page)


def test_a_held_booking_is_not_confirmed_for_another_place(
    page: Page, hall: Json, guest: Person, organizer: Person
) -> None:
    body = {"event_id": hall["id"], "quantity": 1, "hold": True}
    held = guest.send("POST", "/bookings", 201, json=body).json()
    page.goto(f"/bookings/{held['id']}")
    confirm = page.get_by_role("button", name="Confirm booking")
    expect(confirm).to_be_visible()
    change(organizer, hall, venue="Castle")
    confirm.click()
    expect(page.get_by_role("alert")).to_have_text(CHANGED)
    expect(page.locator("article.booking .lead")).to_contain_text("Castle")
    assert [one["status"] for one in bookings(guest)] == ["held"]
    expect(confirm).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Booked").first).to_be_visible()
    assert [one["status"] for one in bookings(guest)] == ["confirmed"]

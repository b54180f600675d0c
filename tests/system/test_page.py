"""The page at ``/`` in a real browser, on the whole system."""

from collections.abc import Callable
from typing import Any

from stack.stack import Stack
from tests.system.browser import Window
from tests.system.conftest import Mailbox, Person, publish
from tests.system.pages import needs_chromium, sign_in, url
from tests.system.verification import TOKEN, text_of

pytestmark = needs_chromium

MakePerson = Callable[..., Person]
Json = dict[str, Any]

HALL = {"kind": "assigned", "sections": [{"name": "Stalls", "rows": [
    {"name": "A", "seats": 4}, {"name": "B", "seats": 4}]}]}  # fmt: skip


def booked(person: Person, event: Json) -> list[Json]:
    found = person.send("GET", "/bookings", 200, params={"event_id": event["id"]})
    items: list[Json] = found.json()["items"]
    return items


def test_a_guest_finds_an_event_signs_in_and_books_once_by_a_double_click(
    stack: Stack, browser: Window, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Nocturne for a browser")
    guest = person("page-guest")
    browser.open(url(stack))
    browser.fill("[name=q]", "nocturne")
    browser.press("Enter")
    browser.click(".card a", text="Nocturne for a browser")
    browser.click("[aria-label='One more']")
    browser.click("button", text="Book now")
    sign_in(browser, guest)
    browser.wait("document.querySelector('.stepper input').value === '2'")
    browser.click("button", text="Book now", times=2)
    browser.see("Booked. Your tickets are ready.")
    (booking,) = booked(guest, event)
    assert (booking["status"], len(booking["seats"])) == ("confirmed", 2)
    browser.click("a", text="Show tickets")
    for seat in booking["seats"]:
        browser.see(seat["ticket_code"])
    browser.click("nav a", text="My bookings")
    browser.wait("document.querySelector('.of-booking')")
    browser.see("Nocturne for a browser")


def test_a_seat_is_chosen_by_keyboard_held_and_confirmed(
    stack: Stack, browser: Window, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="By keyboard", seating=HALL)
    guest = person("page-keyboard")
    browser.open(url(stack, f"#/sign-in?next=/events/{event['id']}"))
    sign_in(browser, guest)
    browser.wait("document.querySelectorAll('.hall .seat').length === 8")
    browser.evaluate("document.querySelector('.hall .seat[tabindex=\"0\"]').focus()")
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        browser.press(key)
    browser.see("Stalls, row B, seat 2")
    browser.click("button", text="Hold for now")
    browser.see("One seat is held for you")
    assert [booking["status"] for booking in booked(guest, event)] == ["held"]
    browser.click("button", text="Confirm booking")
    browser.see("Booked. Your tickets are ready.")
    (booking,) = booked(guest, event)
    (seat,) = booking["seats"]
    assert (booking["status"], seat["row"], seat["number"]) == ("confirmed", "B", 2)


def test_whose_seat_was_taken_meanwhile_is_told_so_and_may_choose_another(
    stack: Stack, browser: Window, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Too late", seating=HALL)
    slow, fast = person("page-slow"), person("page-fast")
    browser.open(url(stack, f"#/sign-in?next=/events/{event['id']}"))
    sign_in(browser, slow)
    browser.click(".hall .seat")
    seat = browser.wait("document.querySelector('.hall .seat.chosen').dataset.id")
    body = {"event_id": event["id"], "seat_ids": [seat]}
    fast.send("POST", "/bookings", 201, json=body)
    browser.click("button", text="Book now")
    browser.see("Somebody was faster")
    browser.wait("document.querySelectorAll('.hall .seat.taken').length === 1")
    browser.click(".hall .seat.free")
    browser.click("button", text="Book now")
    browser.see("Booked. Your tickets are ready.")
    assert len(booked(slow, event)) == 1


def test_what_an_organizer_writes_is_shown_as_it_was_written(
    stack: Stack, browser: Window, organizer: Person
) -> None:
    title = "<img src=x onerror=alert(1)> & <b>Söhne</b>"
    event = publish(organizer, title=title, description="<script>document.title = 'x'</script>")
    browser.open(url(stack, f"#/events/{event['id']}"))
    browser.see("<script>document.title = 'x'</script>")
    assert browser.evaluate("document.querySelector('h1').textContent") == title
    assert browser.evaluate("document.querySelectorAll('main img, main b').length") == 0


def test_the_link_of_the_verification_mail_verifies_the_address(
    stack: Stack, browser: Window, mailbox: Mailbox, person: MakePerson
) -> None:
    newcomer = person("page-newcomer", verified=False)
    (mail,) = mailbox.wait_for(newcomer.email, 1)
    token = TOKEN.search(text_of(mail))
    assert token
    browser.open(url(stack, f"#/verify?token={token[1]}"))
    browser.click("button", text="Confirm this address")
    browser.see("Your address is confirmed")
    assert newcomer.send("GET", "/users/me", 200).json()["is_verified"]


def test_an_organizer_creates_and_publishes_an_event_with_numbered_seats(
    stack: Stack, browser: Window, organizer: Person
) -> None:
    browser.open(url(stack, "#/sign-in?next=/my-events/new"))
    sign_in(browser, organizer)
    browser.fill("[name=title]", "Made in the browser")
    browser.fill("[name=venue]", "Small hall")
    browser.fill("[name=city]", "Graz")
    browser.fill("[name=price]", "12.50")
    browser.click("[value=assigned]")
    browser.click("button", text="Create draft")
    browser.click("button", text="Publish")
    browser.see("Published. Seats are on sale.")
    listed = organizer.send("GET", "/events", 200, params={"q": "made browser graz"}).json()
    (event,) = listed["items"]
    assert (event["price"], event["seating"], event["capacity"]) == (1250, "assigned", 160)
    assert event["status"] == "published"


def test_a_guest_is_named_by_who_booked_and_greeted_by_name_at_the_door(
    stack: Stack, browser: Window, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="With names")
    guest = person("page-named", full_name="Nadia Needle")
    booking = guest.book(event, 2).json()
    browser.open(url(stack, f"#/sign-in?next=/bookings/{booking['id']}"))
    sign_in(browser, guest)
    browser.click("button", text="Change the name")
    browser.wait("document.querySelector('dialog [name=guest_name]')")
    # As the profile has it, until something else is typed.
    assert browser.evaluate("document.querySelector('[name=guest_name]').value") == "Nadia Needle"
    browser.evaluate("document.querySelector('[name=guest_name]').value = ''")
    browser.fill("dialog [name=guest_name]", "Grace Hopper")
    browser.click("dialog button", text="Save")
    browser.see("Guest: Grace Hopper")
    (named,) = booked(guest, event)
    assert named["guest_name"] == "Grace Hopper"
    listed = organizer.send("GET", f"/events/{event['id']}/bookings", 200).json()
    assert listed["items"][0]["guest"] == {"name": "Grace Hopper", "email": guest.email}
    file = organizer.send("GET", f"/events/{event['id']}/attendees.csv", 200).text
    assert file.count(f",Grace Hopper,{guest.email}") == 2
    code = named["seats"][0]["ticket_code"]
    browser.click(".person button", text="Sign out")
    browser.open(url(stack, f"#/sign-in?next=/my-events/{event['id']}"))
    sign_in(browser, organizer)
    browser.wait(
        "[...document.querySelectorAll('td')].some((cell) => cell.textContent === 'Grace Hopper')"
    )
    browser.fill("[name=ticket_code]", code.lower().replace("-", " "))
    browser.press("Enter")
    browser.see(f"Welcome! Grace Hopper is checked in: 1 of {event['capacity']}.")

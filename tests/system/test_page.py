"""The page at ``/`` in a real browser, on the whole system."""

from collections.abc import Callable
from typing import Any

from stack.stack import Stack
from tests.system.browser import Window
from tests.system.conftest import Mailbox, Person, publish, wait_until
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
    browser.open(url(stack, f"/sign-in?next=/events/{event['id']}"))
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
    browser.open(url(stack, f"/sign-in?next=/events/{event['id']}"))
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


def test_whose_seats_were_taken_takes_others_beside_each_other_by_one_press(
    stack: Stack, browser: Window, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Others instead", seating=HALL)
    slow, fast = person("page-instead"), person("page-before")
    browser.open(url(stack, f"/sign-in?next=/events/{event['id']}"))
    sign_in(browser, slow)
    browser.click("button", text="Choose for me")
    # Their ids come when somebody has chosen.
    named = "document.querySelectorAll('.hall .seat.chosen[data-id]')"
    first, _ = browser.wait(f"{named}.length && [...{named}].map((seat) => seat.dataset.id)")
    fast.send("POST", "/bookings", 201, json={"event_id": event["id"], "seat_ids": [first]})
    browser.click("button", text="Book now")
    browser.see("Still free, as many as you chose:")
    browser.click(".instead button", text="row B, seats 3, 4")
    browser.wait("document.activeElement.textContent === 'Book now'")
    browser.click("button", text="Book now")
    browser.see("Booked. Your tickets are ready.")
    (booking,) = booked(slow, event)
    assert [(seat["row"], seat["number"]) for seat in booking["seats"]] == [("B", 3), ("B", 4)]


def test_some_seats_of_a_booking_are_cancelled(
    stack: Stack, browser: Window, organizer: Person, person: MakePerson, mailbox: Mailbox
) -> None:
    event = publish(organizer, title="One stays home", seating=HALL)
    guest = person("page-some")
    kept, given_up = (booking := guest.book(event, 2).json())["seats"]
    browser.open(url(stack, f"/sign-in?next=/bookings/{booking['id']}"))
    sign_in(browser, guest)
    browser.click("button", text="Cancel some seats")
    browser.click("dialog button", text="Cancel these seats")
    browser.see("Choose at least one seat.")
    browser.click("dialog label", text=f"row {given_up['row']}, seat {given_up['number']}")
    browser.click("dialog button", text="Cancel these seats")
    browser.see("1 seat is cancelled.")
    browser.see(kept["ticket_code"])
    assert not browser.sees(given_up["ticket_code"])
    assert browser.evaluate("document.activeElement.tagName") == "H1"
    assert not browser.sees("Cancel some seats")
    (after,) = booked(guest, event)
    assert (after["status"], after["seats"]) == ("confirmed", [kept])

    def told() -> list[str]:
        texts = map(text_of, mailbox.sources(guest.email))
        return [text for text in texts if "You keep 1 ticket" in text]

    (mail,) = wait_until(told, seconds=20, what="mail about the cancelled seat")
    assert given_up["ticket_code"] in mail and kept["ticket_code"] in mail


def test_why_a_booking_cannot_be_cancelled_is_told(
    stack: Stack, browser: Window, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Somebody is in", seating=HALL)
    guest = person("page-inside")
    booking = guest.book(event, 2).json()
    code = booking["seats"][0]["ticket_code"]
    path = f"/events/{event['id']}/check-ins"
    organizer.send("POST", path, 200, json={"ticket_code": code})
    browser.open(url(stack, f"/sign-in?next=/bookings/{booking['id']}"))
    sign_in(browser, guest)
    browser.see("Somebody came in with one of these tickets already")
    assert browser.sees("Cancel some seats") and not browser.sees("Cancel booking")
    early = {"cancellation_deadline": "2026-01-01T00:00:00Z"}
    organizer.send("PATCH", f"/events/{event['id']}", 200, json=early)
    size = {"width": 360, "height": 480, "deviceScaleFactor": 1, "mobile": False}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    browser.click("button", text="Cancel some seats")
    browser.click("dialog label", text=f"seat {booking['seats'][1]['number']}")
    browser.click("dialog button", text="Cancel these seats")
    browser.see("It is too late to cancel")
    place = "document.querySelector('.alert').getBoundingClientRect()"
    browser.wait(f"{place}.top >= 0 && {place}.bottom <= innerHeight")
    browser.call("Emulation.clearDeviceMetricsOverride")
    browser.reload()
    browser.see("It could be cancelled until")
    assert not browser.sees("Cancel some seats")


def test_what_an_organizer_writes_is_shown_as_it_was_written(
    stack: Stack, browser: Window, organizer: Person
) -> None:
    title = "<img src=x onerror=alert(1)> & <b>Söhne</b>"
    event = publish(organizer, title=title, description="<script>document.title = 'x'</script>")
    browser.open(url(stack, f"/events/{event['id']}"))
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
    browser.open(url(stack, f"/verify#{token[1]}"))
    browser.click("button", text="Confirm this address")
    browser.see("Your address is confirmed")
    assert newcomer.send("GET", "/users/me", 200).json()["is_verified"]


def test_an_organizer_creates_and_publishes_an_event_with_numbered_seats(
    stack: Stack, browser: Window, organizer: Person
) -> None:
    browser.open(url(stack, "/sign-in?next=/my-events/new"))
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
    browser.open(url(stack, f"/sign-in?next=/bookings/{booking['id']}"))
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
    browser.open(url(stack, f"/sign-in?next=/my-events/{event['id']}/guests"))
    sign_in(browser, organizer)
    browser.wait("document.querySelector('td .guest-name').textContent === 'Grace Hopper'")
    browser.fill("[name=guest]", "nobody")
    browser.press("Enter")
    browser.see("No booking is found.")
    browser.replace("[name=guest]", "hopp")
    browser.press("Enter")
    browser.wait("document.querySelectorAll('tbody tr').length === 1")
    browser.click(".desk-parts a", text="Door")
    browser.fill("[name=ticket_code]", code.lower().replace("-", " "))
    browser.press("Enter")
    browser.see(f"Welcome! Grace Hopper is checked in: 1 of {event['capacity']}.")

"""One's bookings: the list, tickets full screen, on paper and without a connection, waitlists, mails."""

import io
import re
from collections.abc import Callable
from typing import Any

import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from tests.page.windows import Windows, assert_accessible, sign_in
from tests.system.people import Mailbox, Person, publish

MakePerson = Callable[..., Person]
Json = dict[str, Any]
HALL = {
    "kind": "assigned",
    "sections": [{"name": "Stalls", "rows": [{"name": "A", "seats": 6}]}],
}
PAGE_OF_PDF = re.compile(rb"/Type\s*/Page\b(?!s)")


def with_booking(
    window: Page, guest: Person, organizer: Person, quantity: int, **event: Any
) -> Json:
    """Signs the window in and books; the booking."""
    booking: Json = guest.book(publish(organizer, **event), quantity).json()
    sign_in(window, guest)
    return booking


def open_booking(window: Page, booking: Json) -> None:
    window.goto(f"/bookings/{booking['id']}")
    expect(window.get_by_text(booking["seats"][0]["ticket_code"])).to_be_visible()
    wait_until_kept(window)


def wait_until_kept(window: Page) -> None:
    told = window.locator(".kept span:not(.not-yet)")
    expect(told).to_contain_text("This device keeps these tickets")


def codes_in(window: Page) -> list[str]:
    """What a scanner reads off the screen, in the order of the alphabet."""
    image = Image.open(io.BytesIO(window.screenshot(full_page=True)))
    return sorted(found.text for found in zxingcpp.read_barcodes(image))


def codes_of(booking: Json) -> list[str]:
    return sorted(seat["ticket_code"] for seat in booking["seats"])


def test_bookings_of_an_event_share_a_card_whose_tickets_are_shown_by_keys(
    window: Page, organizer: Person, person: MakePerson
) -> None:
    guest = person("cards")
    event = publish(organizer, title="Twice booked", seating=HALL)
    first, second = (guest.book(event, number).json() for number in (2, 1))
    given_up = guest.book(publish(organizer, title="Given up")).json()
    guest.send("POST", f"/bookings/{given_up['id']}/cancel", 200)
    sign_in(window, guest)
    window.goto("/bookings")
    expect(window.locator(".bookings-upcoming .card")).to_have_count(1)
    expect(window.locator(".bookings-past .card")).to_contain_text("Given up")
    assert_accessible(window)
    button = window.get_by_role("button", name="Show the tickets")
    button.press("Enter")
    count = window.locator(".ticket-count")
    expect(count).to_contain_text("Ticket 1 of 3")
    expect(window.locator(".slide:not([hidden]) .qr img")).to_be_visible()
    assert_accessible(window, looks=("light", "forced"))
    seen = codes_in(window)
    for number in (2, 3):
        window.keyboard.press("ArrowRight")
        expect(count).to_contain_text(f"Ticket {number} of 3")
        expect(window.locator(f".slide:nth-child({number}) .qr img")).to_be_visible()
        seen += codes_in(window)
    assert sorted(seen) == sorted(codes_of(first) + codes_of(second))
    window.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_a_name_is_changed_and_a_mail_is_sent_again_by_keys(
    window: Page, organizer: Person, person: MakePerson, mailbox: Mailbox
) -> None:
    guest = person("by-keys")
    booking = with_booking(window, guest, organizer, 2, title="By keys", seating=HALL)
    mailbox.wait_for(guest.email, 2)
    open_booking(window, booking)
    assert_accessible(window)
    window.get_by_role("button", name="Change the name").press("Enter")
    window.get_by_role("textbox", name="Name").fill("Grace Hopper")
    window.get_by_role("dialog").get_by_role("button", name="Save").press("Enter")
    expect(window.locator(".booking-facts")).to_contain_text("Guest: Grace Hopper")
    expect(window.locator("h1")).to_be_focused()
    mail = window.locator(".mails li", has_text="Booking confirmed")
    expect(mail).to_contain_text("Sent today")
    mail.get_by_role("button").press("Enter")
    expect(window.get_by_text("The mail will be sent again")).to_be_visible()
    own = {"booking_id": booking["id"]}
    (sent,) = guest.send("GET", "/notifications", 200, params=own).json()["items"]
    assert "Asked for again." in [step["note"] for step in sent["timeline"]]


def test_a_mail_of_what_was_done_appears_by_itself(
    phone: Page, organizer: Person, person: MakePerson
) -> None:
    guest = person("impatient")
    open_booking(phone, with_booking(phone, guest, organizer, 1, title="Given up at once"))
    mails = phone.locator(".mails .mail-kind")
    expect(mails).to_have_text(["Booking confirmed, with the tickets"])
    phone.get_by_role("button", name="Cancel booking").click()
    phone.get_by_role("dialog").get_by_role("button", name="Cancel booking").click()
    expect(mails).to_have_text(["Booking cancelled", "Booking confirmed, with the tickets"])


def test_two_tickets_are_on_a_page_of_paper_and_nothing_else_is(
    desktop: Page, organizer: Person, person: MakePerson
) -> None:
    guest = person("on-paper")
    booking = with_booking(desktop, guest, organizer, 3, title="On paper", seating=HALL)
    open_booking(desktop, booking)
    for paper in ("A4", "Letter"):
        assert len(PAGE_OF_PDF.findall(desktop.pdf(format=paper))) == 2
    desktop.emulate_media(media="print", color_scheme="light")
    desktop.set_viewport_size({"width": 718, "height": 1050})
    expect(desktop.locator(".ticket").first).to_contain_text("On paper")
    assert not [button for button in desktop.get_by_role("button").all() if button.inner_text()]
    expect(
        desktop.locator("h1, .top, .foot, .mails-section").locator("visible=true")
    ).to_have_count(0)
    assert codes_in(desktop) == codes_of(booking)


def test_tickets_that_were_looked_at_are_shown_without_a_connection_until_signed_out(
    phone: Page, organizer: Person, person: MakePerson
) -> None:
    guest = person("offline")
    booking = with_booking(phone, guest, organizer, 2, title="In the cellar", seating=HALL)
    open_booking(phone, booking)
    kept = "() => localStorage.getItem('parterre-tickets')"
    assert booking["id"] in phone.evaluate(kept)
    phone.context.set_offline(True)
    phone.locator("main").get_by_role("link", name="My bookings").click()
    expect(phone.get_by_text("We cannot be reached now")).to_be_visible()
    phone.get_by_role("link", name="In the cellar").click()
    expect(phone.get_by_text("what has changed since does not show")).to_be_visible()
    expect(phone.locator(".ticket .qr img")).to_have_count(2)
    expect(phone.get_by_role("button", name="Cancel booking")).to_have_count(0)
    assert codes_in(phone) == codes_of(booking)
    phone.context.set_offline(False)
    phone.locator("#top button[aria-controls=places]").click()
    phone.locator(".person").get_by_role("button", name="Sign out").click()
    expect(phone.get_by_text("You are signed out.")).to_be_visible()
    assert phone.evaluate(kept) is None


def test_a_cancelled_booking_and_another_account_leave_no_tickets_on_the_device(
    windows: Windows, organizer: Person, person: MakePerson
) -> None:
    guest, other = person("leaves"), person("comes")
    page = windows.open()
    first = with_booking(page, guest, organizer, 1, title="First")
    open_booking(page, first)
    second = guest.book(publish(organizer, title="Second")).json()
    open_booking(page, second)
    guest.send("POST", f"/bookings/{first['id']}/cancel", 200)
    page.goto("/bookings")
    expect(page.locator(".bookings-past .card")).to_contain_text("First")
    kept = page.evaluate("() => localStorage.getItem('parterre-tickets')")
    assert second["id"] in kept and first["id"] not in kept
    page.context.clear_cookies()
    sign_in(page, other)
    page.reload()
    expect(page.get_by_text("No bookings yet")).to_be_visible()
    assert page.evaluate("() => localStorage.getItem('parterre-tickets')") is None


def test_waitlists_stand_among_the_bookings_and_can_be_left(
    window: Page, organizer: Person, person: MakePerson
) -> None:
    guest = person("waits")
    event = publish(organizer, title="Full house", seating={"kind": "general", "capacity": 1})
    organizer.book(event)
    guest.send("POST", f"/events/{event['id']}/waitlist", 201, json={"quantity": 1})
    sign_in(window, guest)
    window.goto("/bookings")
    expect(window.locator(".waits li")).to_contain_text("Your place in line: 1.")
    assert_accessible(window, looks=("light", "dark"))
    window.get_by_role("button", name="Leave the waitlist: Full house").press("Enter")
    window.get_by_role("dialog").get_by_role("button", name="Leave the waitlist").press("Enter")
    expect(window.locator(".waitlists")).to_have_count(0)
    assert guest.send("GET", "/waitlist", 200).json()["items"] == []

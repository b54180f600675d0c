"""An organizer's desk: what is sold, who comes and waits, messages, changes, and the picture."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.page.windows import assert_accessible, sign_in
from tests.system.people import Mailbox, Person, publish, wait_until
from tests.system.verification import text_of

Json = dict[str, Any]
PARTS = ("", "/guests", "/waiting", "/messages", "/door", "/settings")
SECTIONS = [
    {"name": "Stalls", "rows": [{"name": "A", "seats": 4}]},
    {"name": "Balcony", "price": 1000, "rows": [{"name": "B", "seats": 2}]},
]


@dataclass
class Evening:
    """An event with a guest who has booked three seats of five."""

    event: Json
    organizer: Person
    guest: Person

    @property
    def address(self) -> str:
        return f"/my-events/{self.event['id']}"

    def now(self) -> Json:
        event: Json = self.organizer.send("GET", f"/events/{self.event['id']}", 200).json()
        return event


MakeEvening = Callable[..., Evening]


@pytest.fixture(scope="session")
def booker(person: Callable[..., Person]) -> Person:
    return person("desk-guest", full_name="Grace Hopper")


@pytest.fixture
def make_evening(organizer: Person, booker: Person) -> MakeEvening:
    def make(by: Person = organizer, **changes: Any) -> Evening:
        assigned = {"kind": "assigned", "sections": SECTIONS}
        event = publish(by, **({"title": "Evening", "seating": assigned} | changes))
        assert booker.book(event, 3).status_code == 201
        return Evening(event, by, booker)

    return make


def open_desk(page: Page, evening: Evening, part: str = "") -> None:
    sign_in(page, evening.organizer)
    page.goto(evening.address + part)
    expect(page.locator(".desk-part")).to_be_visible()


def tab_to(page: Page, target: Locator) -> None:
    """By the Tab key alone, as somebody without a mouse."""
    for _ in range(80):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not lead to {target}")


def test_figures_and_charts_show_what_is_sold_and_follow_it(
    window: Page, make_evening: MakeEvening
) -> None:
    evening = make_evening()
    code = evening.guest.send(
        "GET", "/bookings", 200, params={"event_id": evening.event["id"]}
    ).json()["items"][0]["seats"][0]["ticket_code"]
    open_desk(window, evening)
    figures = window.locator(".figures")
    expect(figures).to_contain_text("Sold3 of 6")
    expect(figures).to_contain_text("Checked in0 of 3")
    expect(figures).to_contain_text("Revenue€75.00")
    expect(window.get_by_role("img", name=re.compile("3 together, most on .*: 3"))).to_be_visible()
    expect(window.locator(".fills li")).to_contain_text(
        ["3 of 6 sold, 50 %", "3 of 4 sold, 75 %", "0 of 2 sold, 0 %"]
    )
    # The table behind the chart, by keyboard.
    tab_to(window, window.locator("summary"))
    window.keyboard.press("Enter")
    expect(window.locator(".chart-table tbody tr")).to_have_count(1)
    expect(window.locator(".chart-table tbody")).to_contain_text("€75.00")
    url = f"/events/{evening.event['id']}/check-ins"
    evening.organizer.send("POST", url, 200, json={"ticket_code": code})
    # As when the network comes back; otherwise some seconds later.
    window.evaluate("() => { window.dispatchEvent(new Event('online')); }")
    expect(figures).to_contain_text("Checked in1 of 3")


def test_all_parts_are_reached_by_keyboard_and_accessible(
    window: Page, make_evening: MakeEvening, person: Callable[..., Person]
) -> None:
    evening = make_evening()
    waits = person("desk-waiting", full_name="Wanda Waits")
    waits.send("POST", f"/events/{evening.event['id']}/waitlist", 201, json={"quantity": 5})
    open_desk(window, evening)
    for part in PARTS:
        link = window.locator(f".desk-parts a[href='{evening.address}{part}']")
        tab_to(window, link)
        # The first part is shown already, and shown anew.
        window.locator(".desk-part").evaluate("shown => { shown.dataset.before = 'true'; }")
        window.keyboard.press("Enter")
        expect(window.locator(".desk-part[data-before]")).to_have_count(0)
        expect(window).to_have_url(re.compile(re.escape(evening.address + part) + "$"))
        expect(link).to_have_attribute("aria-current", "page")
        if part:
            expect(window.locator(".desk-part h2")).to_be_focused()
        if part == "/waiting":
            expect(window.locator(".waiters li")).to_contain_text(["1Wanda Waits"])
        assert_accessible(window)


def test_guests_are_found_by_name_and_by_whether_they_are_in(
    window: Page, make_evening: MakeEvening, tmp_path: Any
) -> None:
    evening = make_evening()
    open_desk(window, evening, "/guests")
    rows = window.locator(".guests tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(["Grace Hopper"])
    expect(rows).to_contain_text([evening.guest.email])
    expect(rows.locator(".guest-places")).to_have_text(re.compile(r"Stalls A \d–\d"))
    search = window.get_by_role("searchbox")
    tab_to(window, search)
    window.keyboard.type("nobody")
    expect(window.get_by_text("No booking is found.")).to_be_visible()
    search.fill("hopp")
    expect(rows).to_have_count(1)
    filters = window.locator(".guest-filters select")
    filters.nth(1).select_option("true")
    expect(window.get_by_text("No booking is found.")).to_be_visible()
    filters.nth(1).select_option("false")
    expect(rows).to_have_count(1)
    filters.nth(0).select_option("cancelled")
    expect(rows).to_have_count(0)
    with window.expect_download() as download:
        window.get_by_role("button", name="CSV").click()
    file = tmp_path / "guests.csv"
    download.value.save_as(file)
    assert file.read_text(encoding="utf-8-sig").count("Grace Hopper") == 3


def test_a_message_is_shown_with_the_number_of_guests_before_it_is_sent(
    window: Page, make_evening: MakeEvening, mailbox: Mailbox
) -> None:
    evening = make_evening()
    open_desk(window, evening, "/messages")
    tab_to(window, window.locator("[name=subject]"))
    subject = f"Doors at seven {evening.event['id'][-6:]}"
    window.keyboard.type(subject)
    window.keyboard.press("Tab")
    window.keyboard.type("Come early.")
    # What is written is there after a look at another part, and after a reload.
    window.locator(f".desk-parts a[href='{evening.address}/guests']").click()
    expect(window.locator(".guests")).to_be_visible()
    window.go_back()
    window.reload()
    expect(window.locator("[name=subject]")).to_have_value(subject)
    tab_to(window, window.get_by_role("button", name="See it before it goes"))
    window.keyboard.press("Enter")
    expect(window.get_by_text("1 guest will get a mail.")).to_be_visible()
    paper = window.locator(".paper")
    expect(paper).to_contain_text("Come early.")
    # The event as it stands above, and no date for programs.
    expect(paper).to_contain_text(
        (window.locator(".desk-when").text_content() or "").split(" · ")[0]
    )
    assert_accessible(window, looks=("light", "forced"))
    tab_to(window, window.get_by_role("button", name="Send it to 1 guest"))
    window.keyboard.press("Enter")
    expect(window.get_by_text("It is on its way to 1 guest.")).to_be_visible()
    expect(window.locator("[name=subject]")).to_have_value("")
    wait_until(
        lambda: any(subject in text_of(mail) for mail in mailbox.sources(evening.guest.email)),
        seconds=20,
        what="mail to the guest",
    )


def test_a_change_of_place_says_how_many_will_get_a_mail(
    window: Page, make_evening: MakeEvening
) -> None:
    evening = make_evening(title="Moved")
    open_desk(window, evening, "/settings")
    window.get_by_role("link", name="Edit").click()
    window.locator("[name=venue]").fill("Other hall")
    window.get_by_role("button", name="Save", exact=True).click()
    dialog = window.get_by_role("dialog")
    expect(dialog).to_contain_text("1 guest will get a mail.")
    dialog.get_by_role("button", name="Not yet").click()
    assert evening.now()["venue"] == "Town hall"
    window.get_by_role("button", name="Save", exact=True).click()
    dialog.get_by_role("button", name="Save and tell them").click()
    expect(window.get_by_text("Saved.")).to_be_visible()
    assert evening.now()["venue"] == "Other hall"


def test_an_event_is_repeated_and_cancelled_with_a_reason(
    window: Page, make_evening: MakeEvening, mailbox: Mailbox
) -> None:
    evening = make_evening(title="Once and again")
    open_desk(window, evening, "/settings")
    tab_to(window, window.get_by_role("button", name="Duplicate event"))
    window.keyboard.press("Enter")
    dialog = window.get_by_role("dialog")
    expect(dialog.locator("[name=title]")).to_have_value("Once and again")
    assert_accessible(window, looks=("light",))
    dialog.locator("[name=title]").fill("Again")
    window.keyboard.press("Tab")
    tab_to(window, dialog.get_by_role("button", name="Make the draft"))
    window.keyboard.press("Enter")
    expect(window.locator("h1")).to_have_text("Again")
    copy = window.url.rpartition("/")[2]
    assert copy != evening.event["id"]
    made = evening.organizer.send("GET", f"/events/{copy}", 200).json()
    assert (made["status"], made["capacity"]) == ("draft", 6)
    window.go_back()
    tab_to(window, window.get_by_role("button", name="Cancel event"))
    window.keyboard.press("Enter")
    expect(dialog).to_contain_text("1 guest will get a mail.")
    dialog.locator("[name=reason]").fill("The hall has no roof any more.")
    dialog.get_by_role("button", name="Cancel event").click()
    expect(window.get_by_text("The event is cancelled.")).to_be_visible()
    assert evening.now()["status"] == "cancelled"
    wait_until(
        lambda: any("no roof" in text_of(mail) for mail in mailbox.sources(evening.guest.email)),
        seconds=20,
        what="mail to the guest",
    )


def picture(width: int, height: int) -> FilePayload:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    file = io.BytesIO()
    image.save(file, "PNG")
    return {"name": "wide.png", "mimeType": "image/png", "buffer": file.getvalue()}


def test_a_picture_is_cut_to_shape_stored_and_removed(
    window: Page, make_evening: MakeEvening
) -> None:
    evening = make_evening(title="In a picture")
    open_desk(window, evening, "/settings")
    with window.expect_file_chooser() as chooser:
        tab_to(window, window.get_by_role("button", name="Choose a picture"))
        window.keyboard.press("Enter")
    chooser.value.set_files(picture(3000, 900))
    tab_to(window, window.locator("[name=crop-x]"))
    window.keyboard.press("End")
    assert_accessible(window, looks=("light", "forced"))
    tab_to(window, window.get_by_role("button", name="Use this part"))
    window.keyboard.press("Enter")
    expect(window.get_by_text("The picture is saved.")).to_be_visible()
    shown = window.locator("img.own-picture")
    expect(shown).to_be_visible()
    address = evening.now()["image_url"]
    stored = Image.open(io.BytesIO(evening.organizer.http.get(whole(evening, address)).content))
    assert abs(stored.width / stored.height - 16 / 9) < 0.01
    # A quarter from the left is red as long as nothing was moved.
    point = (stored.width // 4, stored.height // 2)
    red, _, blue = stored.convert("RGB").getpixel(point)  # type: ignore[misc]
    assert blue > 200 > 50 > red
    window.get_by_role("button", name="Remove the picture").click()
    window.get_by_role("dialog").get_by_role("button", name="Remove the picture").click()
    expect(window.get_by_text("The picture is removed.")).to_be_visible()
    assert evening.now()["image_url"] is None


def whole(evening: Evening, path: str) -> str:
    return evening.organizer.url("/events").removesuffix("/api/v1/events") + path


def test_a_picture_is_moved_below_its_frame_by_hand(page: Page, make_evening: MakeEvening) -> None:
    evening = make_evening()
    open_desk(page, evening, "/settings")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a picture").click()
    chooser.value.set_files(picture(1600, 450))
    canvas = page.locator("canvas")
    slider = page.locator("[name=crop-x]")
    expect(slider).to_have_value("500")
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 - 100, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    assert int(slider.input_value()) > 600
    page.mouse.wheel(0, -100)
    assert int(page.locator("[name=crop-zoom]").input_value()) > 0


def test_own_events_stand_in_groups_with_how_full_they_are(
    window: Page, make_evening: MakeEvening, person: Callable[..., Person]
) -> None:
    evening = make_evening(person("desk-organizer"), title="On the list")
    # Counts follow a booking within a second.
    wait_until(lambda: evening.now()["seats_available"] == 3, seconds=10, what="count of seats")
    draft = evening.organizer.send(
        "POST", f"/events/{evening.event['id']}/duplicate", 201, json={
            "starts_at": evening.event["starts_at"], "title": "Still a draft",
        },
    ).json()  # fmt: skip
    sign_in(window, evening.organizer)
    window.goto("/my-events")
    coming = window.locator(".own-events", has=window.get_by_role("heading", name="To come"))
    card = coming.locator(".card", has=window.locator(f"a[href$='{evening.event['id']}']"))
    expect(card).to_contain_text("3 of 6 taken")
    drafts = window.locator(".own-events", has=window.get_by_role("heading", name="Drafts"))
    expect(drafts.locator(f"a[href$='{draft['id']}']")).to_be_visible()
    assert_accessible(window, looks=("light", "dark"))

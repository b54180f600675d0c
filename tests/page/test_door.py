"""The door of an event: codes from a camera and typed, with and without a network, by whoever has a link."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from stack.stack import Stack
from tests.page.ticket_pictures import KINDS, nothing
from tests.page.windows import (
    CHROMIUM,
    LOADING_MILLISECONDS,
    PHONE,
    Windows,
    assert_accessible,
    quiet_windows,
    sign_in,
)
from tests.system.people import Person, publish

Json = dict[str, Any]
HALL = {"kind": "assigned", "sections": [{"name": "Stalls", "rows": [{"name": "A", "seats": 8}]}]}
CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
IS_KEPT = """async () => (await navigator.serviceWorker.ready).active.state === "activated"
    && (await caches.keys()).length === 1"""


class Evening:
    """An event with one guest's two tickets, and its door."""

    def __init__(self, organizer: Person, guest: Person, title: str = "An evening") -> None:
        self.organizer = organizer
        self.event = publish(organizer, title=title, seating=HALL)
        self.path = f"/events/{self.event['id']}/door"
        booking = guest.book(self.event, 2).json()
        self.codes: list[str] = [seat["ticket_code"] for seat in booking["seats"]]
        self.seats = [f"Stalls, row A, seat {seat['number']}" for seat in booking["seats"]]

    def link(self, name: str = "Main entrance") -> Json:
        path = f"/events/{self.event['id']}/door-links"
        link: Json = self.organizer.send("POST", path, 201, json={"name": name}).json()
        return link

    def open(self, page: Page, link: Json | None = None) -> None:
        page.goto(f"{self.path}#{(link or self.link())['token']}")
        expect(page.get_by_role("heading", name=self.event["title"])).to_be_visible()

    def checked_in(self) -> int:
        count: int = self.organizer.send("GET", self.path, 200).json()["checked_in"]
        return count

    def scan_elsewhere(self, code: str, door: str) -> None:
        """By another helper's phone."""
        body = {"scans": [{"id": str(uuid4()), "ticket_code": code}]}
        headers = {"X-Door-Token": self.link(door)["token"], "Authorization": ""}
        self.organizer.send("POST", f"{self.path}/scans", 200, json=body, headers=headers)


@pytest.fixture(scope="module")
def ada(person: Callable[..., Person]) -> Person:
    return person("door-guest", full_name="Ada Byron")


@pytest.fixture
def evening(organizer: Person, ada: Person) -> Evening:
    return Evening(organizer, ada)


def wait_until_kept(page: Page) -> None:
    """The page, its files and the list of tickets are on the phone."""
    expect(page.get_by_text(re.compile("tickets are on this phone"))).to_be_visible()
    page.wait_for_function(IS_KEPT)


def type_code(page: Page, code: str) -> None:
    page.get_by_label("Ticket code").fill(code)
    page.keyboard.press("Enter")


def film(folder: Path, code: str) -> Path:
    """What the camera sees: an empty room for a second, then the ticket, held at an angle."""
    path = folder / "camera.mjpeg"
    pictures = [nothing(1)] * 20 + [KINDS["tilted"](code, Random(7))] * 60
    with path.open("wb") as file:
        for picture in pictures:
            picture.save(file, "JPEG", quality=88)
    return path


@pytest.fixture
def camera(chromium: Browser, stack: Stack, evening: Evening, tmp_path: Path) -> Iterator[Windows]:
    """Windows of a browser whose camera sees the first ticket."""
    path = film(tmp_path, evening.codes[0])
    options = [*CAMERA, f"--use-file-for-fake-video-capture={path}", "--disable-gpu"]
    browser = chromium.browser_type.launch(executable_path=CHROMIUM, args=options)
    try:
        with quiet_windows(browser, stack.url("event")) as windows:
            yield windows
    finally:
        browser.close()


def test_a_ticket_before_the_camera_is_admitted_also_without_a_network(
    camera: Windows, evening: Evening
) -> None:
    page = camera.open(**PHONE, permissions=["camera"])
    evening.open(page)
    assert page.url.endswith("/door"), "the token is in nobody's address bar or history"
    wait_until_kept(page)
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_role("status").filter(has_text="No network")).to_be_visible()
    page.get_by_role("button", name="Start scanning").click()
    welcome = page.get_by_role("dialog", name="Welcome")
    expect(welcome).to_contain_text(evening.seats[0])
    expect(welcome).to_contain_text("sent later")
    assert evening.checked_in() == 0
    page.context.set_offline(False)
    expect(page.get_by_text("Online", exact=True)).to_be_visible()
    assert evening.checked_in() == 1
    page.get_by_role("button", name="Stop the camera").click()
    expect(page.locator(".recent li")).to_have_count(1)
    expect(page.locator(".recent")).to_contain_text("Ada Byron")


def test_codes_are_typed_and_guests_found_by_keyboard_alone(window: Page, evening: Evening) -> None:
    evening.open(window)
    assert_accessible(window)
    window.get_by_label("Ticket code").focus()
    window.keyboard.type(evening.codes[0].lower().replace("-", " "))
    window.keyboard.press("Enter")
    welcome = window.get_by_role("dialog", name="Welcome")
    expect(welcome).to_contain_text(evening.seats[0])
    window.keyboard.press("Enter")
    expect(welcome).to_be_hidden()
    # On a slow machine the phone decides first, and hears of the name and the counts a little later.
    expect(window.locator(".recent")).to_contain_text("Ada Byron")
    expect(window.get_by_text("1 of 8 checked in").first).to_be_attached()
    window.keyboard.type(evening.codes[0])
    window.keyboard.press("Enter")
    stop = window.get_by_role("dialog", name="Stop")
    expect(stop).to_contain_text("already checked in, since")
    assert_accessible(window)
    window.keyboard.press("Escape")
    window.get_by_role("button", name="Find a guest").focus()
    window.keyboard.press("Enter")
    window.keyboard.type("byr")
    window.keyboard.press("Enter")
    expect(window.get_by_text("2 tickets are found")).to_be_visible()
    assert_accessible(window)
    window.get_by_role("button", name=f"Check in Ada Byron, {evening.seats[1]}").focus()
    window.keyboard.press("Enter")
    expect(welcome).to_contain_text(evening.seats[1])
    expect(welcome).to_contain_text("Ada Byron")
    window.keyboard.press("Tab")
    assert_accessible(window)
    window.keyboard.press("Enter")
    expect(window.get_by_text("Undone: the ticket is valid again")).to_be_visible()
    assert evening.checked_in() == 1


def test_scans_without_a_network_are_sent_once_and_a_conflict_is_shown(
    phone: Page, evening: Evening
) -> None:
    evening.open(phone)
    wait_until_kept(phone)
    first, second = evening.codes
    phone.context.set_offline(True)
    type_code(phone, "ZZZZ-ZZZZ-ZZZZ-ZZZZ")
    expect(phone.get_by_role("dialog", name="Stop")).to_contain_text("not in the list")
    phone.keyboard.press("Enter")
    for code in evening.codes:
        type_code(phone, code)
        expect(phone.get_by_role("dialog", name="Welcome")).to_be_visible()
        phone.keyboard.press("Enter")
    type_code(phone, second)
    expect(phone.get_by_role("dialog", name="Stop")).to_contain_text("already checked in")
    phone.keyboard.press("Enter")
    expect(phone.get_by_text("2 scans to send")).to_be_visible()
    # Before the reload: a worker that starts with it has been seen to find the network for a moment.
    evening.scan_elsewhere(first, "North")
    phone.reload()
    expect(phone.get_by_text("2 scans to send")).to_be_visible()
    phone.context.set_offline(False)
    expect(phone.get_by_role("heading", name="1 conflict")).to_be_visible()
    expect(phone.locator(".conflicts")).to_contain_text(evening.seats[0])
    expect(phone.locator(".conflicts")).to_contain_text("North")
    expect(phone.get_by_text("Online", exact=True)).to_be_visible()
    assert_accessible(phone)
    assert evening.checked_in() == 2
    conflicts = f"/events/{evening.event['id']}/door-conflicts"
    items = evening.organizer.send("GET", conflicts, 200).json()["items"]
    assert [(item["first_door"], item["door"]) for item in items] == [("North", "Main entrance")]


def test_a_withdrawn_link_closes_the_door_and_another_one_opens_it(
    phone: Page, evening: Evening
) -> None:
    link = evening.link()
    evening.open(phone, link)
    path = f"/events/{evening.event['id']}/door-links/{link['id']}"
    evening.organizer.send("DELETE", path, 204)
    type_code(phone, evening.codes[0])
    expect(phone.get_by_role("heading", name="This door is closed")).to_be_visible()
    assert_accessible(phone)
    phone.reload()
    expect(phone.get_by_role("heading", name="This door is closed")).to_be_visible()
    phone.get_by_label("Door link").fill("https://example.com/")
    phone.get_by_role("button", name="Open the door").click()
    expect(phone.get_by_text("This is not a door link of this event.")).to_be_visible()
    phone.get_by_label("Door link").fill(evening.link("Side door")["url"])
    phone.get_by_role("button", name="Open the door").click()
    expect(phone.get_by_text("Side door")).to_be_visible()
    assert evening.checked_in() == 0


KEPT = """() => new Promise((resolve, reject) => {
    const opening = indexedDB.open("parterre-door");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
        const names = ["doors", "snapshots", "scans"];
        // One transaction: of several the last may be done before the others.
        const reading = opening.result.transaction(names);
        const stores = names.map((name) => reading.objectStore(name).getAll());
        reading.oncomplete = () => resolve(JSON.stringify(stores.map(({ result }) => result)));
    };
})"""


def test_a_phone_whose_link_was_withdrawn_knows_nobody_any_more(
    phone: Page, evening: Evening
) -> None:
    link = evening.link()
    evening.open(phone, link)
    wait_until_kept(phone)
    type_code(phone, evening.codes[0])
    expect(phone.get_by_role("dialog", name="Welcome")).to_contain_text("Ada Byron")
    phone.keyboard.press("Enter")
    assert "Ada Byron" in phone.evaluate(KEPT) and evening.codes[0] in phone.evaluate(KEPT)
    path = f"/events/{evening.event['id']}/door-links/{link['id']}"
    evening.organizer.send("DELETE", path, 204)
    type_code(phone, evening.codes[1])
    expect(phone.get_by_role("heading", name="This door is closed")).to_be_visible()
    assert phone.evaluate(KEPT) == "[[],[],[]]"


def test_an_organizer_opens_the_door_without_a_link(page: Page, evening: Evening) -> None:
    sign_in(page, evening.organizer)
    page.goto(evening.path)
    type_code(page, evening.codes[0])
    expect(page.get_by_role("dialog", name="Welcome")).to_contain_text(evening.seats[0])
    expect(page.locator(".where").get_by_text("Organizer")).to_be_attached()
    expect(page.get_by_text("1 of 8 checked in").first).to_be_attached()


def test_an_organizer_who_signs_out_leaves_no_door_open_to_the_next(
    page: Page, evening: Evening
) -> None:
    sign_in(page, evening.organizer)
    page.goto(evening.path)
    wait_until_kept(page)
    type_code(page, evening.codes[0])
    expect(page.get_by_role("dialog", name="Welcome")).to_contain_text("Ada Byron")
    assert "Ada Byron" in page.evaluate(KEPT)
    page.goto("/account")
    page.locator(".person").get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    # A module that nobody has needed before is loaded for it.
    page.wait_for_function(
        f"async () => await ({KEPT})() === '[[],[],[]]'", timeout=LOADING_MILLISECONDS
    )


MOUNT = """async (event) => {
    const { src } = document.querySelector("script[type=module]");
    const { doorLinks } = await import(new URL("door-links.js", src));
    document.getElementById("main").replaceChildren(doorLinks(event));
}"""


def test_an_organizer_gives_out_a_link_and_withdraws_it(window: Page, evening: Evening) -> None:
    sign_in(window, evening.organizer)
    window.goto("/")
    expect(window.locator(".person .name")).to_have_text("Nadia Needle")
    window.evaluate(MOUNT, evening.event)
    expect(window.get_by_text("No link is given out yet.")).to_be_visible()
    window.get_by_label("Who or where").focus()
    window.keyboard.type("Stage door")
    window.keyboard.press("Enter")
    made = window.get_by_role("dialog", name="Door link for Stage door")
    expect(made.get_by_role("img", name="QR code of the door link")).to_be_visible()
    address = made.get_by_label("Link").input_value()
    assert re.search(rf"{evening.path}#[\w-]{{43}}$", address)
    assert_accessible(window)
    window.keyboard.press("Enter")
    expect(made).to_be_hidden()
    helper = window.context.new_page()
    helper.goto(evening.path + address.rpartition("/door")[2])
    expect(helper.locator(".where").get_by_text("Stage door")).to_be_visible()
    withdraw = window.get_by_role("button", name="Withdraw the link of Stage door")
    withdraw.focus()
    window.keyboard.press("Enter")
    sure = window.get_by_role("dialog", name="Withdraw this link?")
    sure.get_by_role("button", name="Withdraw").focus()
    window.keyboard.press("Enter")
    expect(window.get_by_text("withdrawn", exact=True)).to_be_visible()
    assert_accessible(window)

"""Drawing halls in the form of an event: by keys, by mouse and by touch, later, and for other events."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.event_bodies import event_body
from tests.events.numbering import NUMBERS
from tests.page.windows import LOOKS, assert_accessible, sign_in
from tests.system.people import Person, publish

Json = dict[str, Any]
DESK = re.compile(r"/my-events/[0-9a-f-]{36}$")
CELL, HEAD, TOP = 30, 52, 28
MANY = 100


def assigned(*rows: str | int) -> Json:
    named = [{"name": chr(65 + at), "seats": seats} for at, seats in enumerate(rows)]
    return {"kind": "assigned", "sections": [{"name": "Stalls", "rows": named}]}


def plan_of(person: Person, event_id: str) -> list[Json]:
    sections: list[Json] = person.send("GET", f"/events/{event_id}/plan", 200).json()["sections"]
    return sections


def rows_of(person: Person, event_id: str) -> list[str | int]:
    return [row["seats"] for row in plan_of(person, event_id)[0]["rows"]]


def open_form(page: Page, person: Person, path: str = "/my-events/new") -> None:
    sign_in(page, person)
    page.goto(path)
    expect(page.locator("[name=title]")).to_be_visible()


def fill_texts(page: Page, title: str) -> None:
    for name, text in {"title": title, "venue": "Small hall", "city": "Graz"}.items():
        page.locator(f"[name={name}]").fill(text)


def choose_numbered(page: Page) -> None:
    page.get_by_label("Numbered seats").check()
    expect(page.locator(".hall-grid .hall-cell.is-seat").first).to_be_visible()


def saved_id(page: Page) -> str:
    expect(page).to_have_url(DESK)
    return page.url.rpartition("/")[2]


def tab_to(page: Page, target: Locator) -> None:
    """As who has no mouse: by Tab until it has the focus."""
    expect(target).to_be_visible()
    for _ in range(80):
        if target.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {target}")


def middle(page: Page, row: int, column: int) -> tuple[float, float]:
    """Of a cell of the grid, which the window shows; -1 for the heads."""
    grid = page.locator(".hall-grid")
    page.locator(".hall-scroller").evaluate("(e) => e.scrollIntoView({ block: 'center' })")
    box = grid.bounding_box()
    assert box is not None
    x = HEAD / 2 if column < 0 else HEAD + CELL * (column + 0.5)
    y = TOP / 2 if row < 0 else TOP + CELL * (row + 0.5)
    return box["x"] + x, box["y"] + y


def drag(page: Page, start: tuple[int, int], end: tuple[int, int]) -> None:
    page.mouse.move(*middle(page, *start))
    page.mouse.down()
    page.mouse.move(*middle(page, *end), steps=4)
    page.mouse.up()


def test_a_hall_is_drawn_by_keys_alone(window: Page, organizer: Person) -> None:
    open_form(window, organizer)
    keys = window.keyboard
    for name, text in {"title": "By keys", "venue": "Small hall", "city": "Graz"}.items():
        tab_to(window, window.locator(f"[name={name}]"))
        keys.type(text)
    tab_to(window, window.locator("[name=price]"))
    keys.type("25")
    tab_to(window, window.locator("[name=seating][value=general]"))
    keys.press("ArrowRight")
    tab_to(window, window.locator("[name='hall-rows']"))
    keys.type("3")
    keys.press("Tab")
    keys.type("6")
    tab_to(window, window.locator(".hall-tool input[value=seat]"))
    for _ in range(3):
        keys.press("ArrowRight")
    expect(window.locator(".hall-tool input[value=gap]")).to_be_checked()
    tab_to(window, window.locator(".hall-grid"))
    # An aisle in the whole third column, then an accessible and a blocked seat.
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "g", "ArrowDown", "ArrowLeft", "a"):
        keys.press(key)
    for key in ("ArrowDown", "ArrowLeft", "x", "End", "g", "Shift+ArrowDown"):
        keys.press(key)
    expect(window.locator(".hall-status")).to_contain_text("Row C, place 6")
    keys.press("Control+z")
    expect(window.locator(".hall-total")).to_have_text(
        "13 seats · 1 of them accessible · 1 blocked · €325.00 if all are sold"
    )
    is_wide = window.evaluate("innerWidth > 1000")
    assert_accessible(window, looks=LOOKS if is_wide else ("light",))
    tab_to(window, window.get_by_role("button", name="Create draft"))
    keys.press("Enter")
    assert rows_of(organizer, saved_id(window)) == ["sa_sss", "xs_ss_", "ss_sss"]


def test_a_hall_is_drawn_by_mouse_with_sections_rules_and_prices(
    desktop: Page, organizer: Person
) -> None:
    open_form(desktop, organizer)
    fill_texts(desktop, "By mouse")
    choose_numbered(desktop)
    desktop.locator("[name='hall-rows']").fill("4")
    desktop.locator("[name='hall-hall.places']").fill("8")
    desktop.locator("[name=hall-price]").fill("40")
    desktop.get_by_label("Numbers of the seats").select_option("odd-even")
    desktop.locator(".hall-tool", has_text="Gap").click()
    desktop.mouse.click(*middle(desktop, -1, 3))
    drag(desktop, (0, 0), (0, 1))
    desktop.locator(".hall-tool", has_text="Accessible").click()
    drag(desktop, (3, 5), (3, 7))
    desktop.get_by_role("button", name="Undo").click()
    drag(desktop, (3, 6), (3, 7))
    first = desktop.locator(".hall-row").first.locator(".hall-cell")
    assert first.all_inner_texts() == ["", "", "1", "", "2", "4", "6", "8"]
    desktop.get_by_role("button", name="Copy the row").click()
    desktop.get_by_role("button", name="Add a section").click()
    desktop.locator("[name=hall-section]").fill("Balcony")
    desktop.get_by_role("button", name="Create draft").click()
    stalls, balcony = plan_of(organizer, saved_id(desktop))
    letters = ["__s_ssss", "sss_ssss", "sss_ssss", "sss_ssaa", "sss_ssaa"]
    assert [row["seats"] for row in stalls["rows"]] == letters
    assert [row["name"] for row in stalls["rows"]] == ["A", "B", "C", "D", "E"]
    assert {row["numbering"] for row in stalls["rows"]} == {"odd-even"}
    assert (stalls["price"], balcony["name"], balcony["price"]) == (4000, "Balcony", None)


def test_a_finger_draws_and_two_move_the_plan(phone: Page, organizer: Person) -> None:
    open_form(phone, organizer)
    choose_numbered(phone)
    phone.locator(".hall-tool", has_text="Blocked").click()
    scroller = phone.locator(".hall-scroller")
    scroller.evaluate("(e) => e.scrollIntoView({ block: 'center' })")
    box = phone.locator(".hall-grid .hall-cell").first.bounding_box()
    assert box is not None
    touch = phone.context.new_cdp_session(phone)

    def fingers(kind: str, *points: tuple[int, int]) -> None:
        x, y, size = box["x"], box["y"], box["width"]
        at = [
            {"x": x + (column + 0.5) * size, "y": y + (row + 0.5) * size, "id": n}
            for n, (row, column) in enumerate(points)
        ]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    fingers("touchStart", (0, 0))
    fingers("touchMove", (0, 2))
    fingers("touchEnd")
    expect(phone.locator(".hall-grid .hall-cell.is-blocked")).to_have_count(3)
    fingers("touchStart", (2, 4))
    fingers("touchStart", (2, 4), (2, 5))
    fingers("touchMove", (2, 2), (2, 3))
    fingers("touchEnd")
    expect(phone.locator(".hall-grid .hall-cell.is-blocked")).to_have_count(3)
    assert scroller.evaluate("(e) => e.scrollLeft") > 0


def test_sold_seats_stay_while_the_hall_changes(
    desktop: Page, organizer: Person, guest: Person
) -> None:
    event = publish(organizer, title="Sold in part", seating=assigned(6, 6, 6))
    shown = guest.send("GET", f"/events/{event['id']}/seats", 200).json()
    seat = shown["sections"][0]["rows"][1]["seats"][2]
    body = {"event_id": event["id"], "seat_ids": [seat["id"]]}
    guest.send("POST", "/bookings", 201, json=body)

    open_form(desktop, organizer, f"/my-events/{event['id']}/edit")
    sold = desktop.locator(".hall-grid .hall-cell.is-sold")
    expect(sold).to_have_attribute("aria-label", "Row B, place 3: seat 3, booked or held")
    expect(desktop.locator("[name=hall-section]")).not_to_be_editable()
    assert_accessible(desktop, looks=("light",))
    desktop.locator(".hall-tool", has_text="Blocked").click()
    desktop.mouse.click(*middle(desktop, 1, 2))
    expect(desktop.locator(".hall-status")).to_have_text(
        "Seats that are booked or held stay as they are."
    )
    refused = "in row B a seat that is booked or held would go, or get another number"
    desktop.get_by_role("button", name="Remove the row").click()
    expect(desktop.locator(".hall-status")).to_contain_text(refused)
    desktop.get_by_role("button", name="Seats before").click()
    expect(desktop.locator(".hall-status")).to_contain_text(refused)
    desktop.get_by_role("button", name="Aisle before").click()
    expect(sold).to_have_attribute("aria-label", "Row B, place 4: seat 3, booked or held")
    desktop.get_by_role("button", name="Save").click()
    expect(desktop).to_have_url(DESK)
    assert rows_of(organizer, event["id"]) == ["ss_ssss"] * 3
    again = guest.send("GET", f"/events/{event['id']}/seats", 200).json()
    kept = again["sections"][0]["rows"][1]["seats"][2]
    assert (kept["id"], kept["state"], kept["column"]) == (seat["id"], "booked", 4)


def test_a_hall_is_kept_and_is_where_the_next_event_begins(page: Page, organizer: Person) -> None:
    first = organizer.send("POST", "/halls", 201, json={
        "name": "Great room",
        "sections": [{"name": "Floor", "price": 1500, "rows": [{"name": "Z", "seats": "ss_aa"}]}],
    }).json()  # fmt: skip
    open_form(page, organizer)
    fill_texts(page, "In a kept hall")
    choose_numbered(page)
    page.get_by_label("Halls that you keep").select_option(first["id"])
    page.get_by_role("button", name="Draw on this one").click()
    expect(page.locator("[name=hall-section]")).to_have_value("Floor")
    expect(page.locator("[name=hall-price]")).to_have_value("15.00")
    page.get_by_role("button", name="Copy the row").click()
    page.get_by_role("button", name="Keep this plan").click()
    page.get_by_label("Name of the hall").fill("Larger room")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Larger room is kept")).to_be_visible()
    page.get_by_role("button", name="Create draft").click()
    event_id = saved_id(page)
    assert rows_of(organizer, event_id) == ["ss_aa", "ss_aa"]
    halls = organizer.send("GET", "/halls", 200).json()["items"]
    assert ("Larger room", 8) in [(hall["name"], hall["seats"]) for hall in halls]


def test_ten_thousand_seats_are_drawn_on_as_fast_as_ten(page: Page, organizer: Person) -> None:
    seating = assigned(*[MANY] * 26)
    seating["sections"][0]["rows"] = [{"name": str(n), "seats": MANY} for n in range(MANY)]
    event = organizer.send(
        "POST", "/events", 201, json=event_body(title="Large", seating=seating)
    ).json()
    open_form(page, organizer, f"/my-events/{event['id']}/edit")
    expect(page.locator(".hall-total")).to_contain_text("10,000 seats")
    # What is out of sight is not in the document.
    assert page.locator(".hall-cell").count() < 2000
    grid = page.locator(".hall-grid")
    grid.focus()
    page.keyboard.press("Control+End")
    page.keyboard.press("x")
    expect(page.locator(".hall-status")).to_have_text("Row 99, place 100: blocked seat 100")
    page.keyboard.press("Control+Home")
    for key in ("ArrowUp", "g"):
        page.keyboard.press(key)
    expect(page.locator(".hall-total")).to_contain_text("9,899 seats")
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(DESK)
    assert organizer.send("GET", f"/events/{event['id']}", 200).json()["capacity"] == 9_899


def test_the_page_numbers_seats_as_the_service_does(page: Page) -> None:
    page.goto("/")
    shown = page.evaluate(
        "(cases) => import('/static/x/plain/hall/numbering.js').then(({ numbersOf }) =>"
        " cases.map(([rule, letters]) => numbersOf(letters, rule).filter(Boolean)))",
        [[rule, letters] for rule, letters, _ in NUMBERS],
    )
    assert shown == [numbers for _, _, numbers in NUMBERS]

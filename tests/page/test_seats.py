"""Choosing seats: the best groups, the plan of the hall, and what becomes of a choice."""

import random
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, Route, expect

from event_service.bookings.adjacent import FreeSeats, Location
from event_service.bookings.free_rows import FreeRow
from event_service.statuses import SeatKind
from tests.page.halls import THEATRE, chosen, open_event, seat
from tests.page.windows import DESKTOP, PHONE, Windows, assert_accessible, sign_in
from tests.system.people import PASSWORD, Person, publish

Json = dict[str, Any]
MakePerson = Callable[..., Person]

FOCUSED = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"


def test_a_group_and_a_seat_are_booked_by_keyboard(
    window: Page, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="By keyboard alone", seating=THEATRE)
    taken = person("seats-before").book(event, 2).json()["seats"]
    guest = person("seats-keyboard")
    sign_in(window, guest)
    open_event(window, event)
    # The whole hall fits: nothing of it lies beside the window.
    assert window.evaluate("(({scrollWidth, clientWidth}) => scrollWidth <= clientWidth)"
                           "(document.querySelector('.plan'))")  # fmt: skip
    assert_accessible(window)
    window.locator(".offer", has_text="2 together in row B").first.focus()
    window.keyboard.press("Enter")
    expect(chosen(window)).to_have_count(2)
    grid = window.get_by_role("grid")
    assert grid.get_attribute("aria-rowcount") == "9"
    assert grid.get_attribute("aria-colcount") == "23"
    window.evaluate("document.querySelector('.hall .seat[tabindex=\"0\"]').focus()")
    window.keyboard.press("ArrowDown")
    window.keyboard.press("Enter")
    expect(chosen(window)).to_have_count(3)
    current = window.locator(".hall .seat:focus")
    expect(current).to_have_attribute("aria-label", re.compile(r"Stalls. Row C, seat .*, chosen"))
    box = current.bounding_box()
    assert box and min(box["width"], box["height"]) >= 32
    first = seat(window, f"Stalls. Row A, seat {taken[0]['number']}")
    expect(first).to_have_attribute("aria-label", re.compile("taken$"))
    assert_accessible(window)
    window.get_by_role("button", name="Book now").focus()
    window.keyboard.press("Enter")
    expect(window.get_by_text("Booked. Your tickets are ready.")).to_be_visible()
    assert window.evaluate(FOCUSED) == "Show tickets"
    expect(window.locator(".hall .seat.mine")).to_have_count(3)
    expect(window.locator(".legend")).to_contain_text("yours")


def test_a_tap_on_the_hall_comes_closer_and_keys_step_back(phone: Page, organizer: Person) -> None:
    event = publish(organizer, title="Tapped", seating=THEATRE)
    open_event(phone, event)
    phone.locator(".plan").scroll_into_view_if_needed()
    expect(phone.locator(".hall.far")).to_be_visible()
    phone.locator(".plan").tap(position={"x": 160, "y": 160})
    expect(phone.locator(".hall.far")).to_have_count(0)
    expect(phone.locator(".minimap")).to_be_visible()
    # That tap has chosen nothing: a seat was too small for it.
    expect(chosen(phone)).to_have_count(0)
    phone.locator(".hall .seat:focus").tap()
    expect(chosen(phone)).to_have_count(1)
    phone.keyboard.press("0")
    expect(phone.locator(".hall.far")).to_be_visible()
    phone.get_by_role("button", name="Come closer").tap()
    expect(phone.locator(".hall.far")).to_have_count(0)


def test_a_choice_survives_sign_in_language_and_reload(
    page: Page, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Kept", seating=THEATRE)
    guest = person("seats-kept")
    open_event(page, event)
    page.locator(".offer").first.click()
    page.get_by_role("button", name="Book now").click()
    page.locator("[name=email]").fill(guest.email)
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(chosen(page)).to_have_count(2)
    page.reload()
    expect(chosen(page)).to_have_count(2)
    page.get_by_role("button", name="Русский").click()
    expect(page.get_by_role("button", name="Забронировать")).to_be_enabled()
    expect(chosen(page)).to_have_count(2)


def test_seats_that_are_taken_meanwhile_are_named_and_others_offered(
    page: Page, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Faster", seating=THEATRE)
    sign_in(page, person("seats-slow"))
    open_event(page, event)
    page.locator(".offer", has_text="2 together in row B").first.click()
    # They come when somebody has chosen.
    named = page.locator(".hall .seat.chosen[data-id]")
    expect(named).to_have_count(2)
    ids = [one.get_attribute("data-id") for one in named.all()]
    body = {"event_id": event["id"], "seat_ids": ids[:1]}
    person("seats-fast").send("POST", "/bookings", 201, json=body)
    page.get_by_role("button", name="Book now").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody was faster")
    expect(page.locator(".gone")).to_have_text("Taken meanwhile: Stalls, row B, seat 9.")
    assert "Stalls, row B, seats" in page.evaluate(FOCUSED)
    assert_accessible(page)
    page.keyboard.press("Enter")
    assert page.evaluate(FOCUSED) == "Book now"
    page.keyboard.press("Enter")
    expect(page.get_by_text("Booked. Your tickets are ready.")).to_be_visible()


def test_of_two_who_press_at_once_one_has_the_seats_and_the_other_an_offer(
    windows: Windows, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Both at once", seating=THEATRE)
    people = [person("seats-left"), person("seats-right")]
    pages = [windows.open(**PHONE), windows.open(**DESKTOP)]
    for page, who in zip(pages, people, strict=True):
        sign_in(page, who)
        open_event(page, event)
        page.locator(".offer", has_text="2 together in row B").first.click()
    for page in pages:
        page.get_by_role("button", name="Book now").click(no_wait_after=True)
    for page in pages:
        expect(page.locator(".gone, .panel .alert, .hall .seat.mine").first).to_be_visible()
    booked = [who.send("GET", "/bookings", 200).json()["items"] for who in people]
    (winner,) = [number for number, items in enumerate(booked) if items]
    expect(pages[winner].get_by_text("Booked. Your tickets are ready.")).to_be_visible()
    slower = pages[1 - winner]
    expect(slower.get_by_role("alert")).to_contain_text("Somebody was faster")
    expect(slower.locator(".gone")).to_contain_text("Stalls, row B")
    slower.locator(".instead button").first.click()
    slower.get_by_role("button", name="Book now").click()
    expect(slower.get_by_text("Booked. Your tickets are ready.")).to_be_visible()


def test_a_hold_warns_before_its_end_and_what_is_still_free_is_chosen_again(
    page: Page, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Held too long", seating=THEATRE)
    guest = person("seats-held")
    sign_in(page, guest)
    page.clock.install()
    open_event(page, event)
    page.locator(".offer").first.click()
    page.get_by_role("button", name="Hold for now").click()
    expect(page.get_by_role("heading", name="2 seats are held for you")).to_be_visible()
    assert page.evaluate(FOCUSED) == "Confirm booking"
    # The server's clock goes on as before: what happens at the end of the hold is done by hand.
    (booking,) = guest.send("GET", "/bookings", 200).json()["items"]
    guest.send("POST", f"/bookings/{booking['id']}/cancel", 200)
    lost, kept = booking["seats"]
    body = {"event_id": event["id"], "seat_ids": [lost["id"]]}
    person("seats-next").send("POST", "/bookings", 201, json=body)
    page.route("**/seats/states", lambda route: route.abort())
    page.clock.fast_forward(545_000)
    expect(page.locator(".late")).to_be_visible()
    page.unroute("**/seats/states")
    page.clock.fast_forward(60_000)
    expect(page.get_by_role("alert")).to_contain_text("The hold has ended")
    expect(page.locator(".gone")).to_contain_text(f"seat {lost['number']}.")
    expect(chosen(page)).to_have_count(1)
    expect(chosen(page)).to_contain_text(f"row {kept['row']}, seat {kept['number']}")
    expect(page.locator(".instead button").first).to_be_focused()


def test_seats_of_a_hall_that_has_changed_meanwhile_are_shown_before_they_are_booked(
    page: Page, organizer: Person, person: MakePerson
) -> None:
    rows = [{"name": "B", "seats": 4}, {"name": "C", "seats": 4}]
    event = publish(organizer, title="Rebuilt", seating=hall_of(rows))
    guest = person("seats-rebuilt")
    sign_in(page, guest)
    open_event(page, event)
    # In front of the others: every seat has another place among all.
    changed = {"sections": hall_of([{"name": "A", "seats": 4}, *rows])["sections"]}
    organizer.send("PATCH", f"/events/{event['id']}", 200, json=changed)
    seat(page, "Row C, seat 3").click()
    page.get_by_role("button", name="Book now").click()
    expect(seat(page, "Row A, seat 1")).to_be_visible()
    expect(chosen(page)).to_have_count(1)
    expect(page.get_by_role("alert")).to_contain_text("This event has just been changed.")
    expect(page.get_by_role("button", name="Book now")).to_be_focused()
    assert guest.send("GET", "/bookings", 200).json()["items"] == []
    page.get_by_role("button", name="Book now").click()
    expect(page.get_by_text("Booked. Your tickets are ready.")).to_be_visible()
    (booking,) = guest.send("GET", "/bookings", 200).json()["items"]
    assert [(one["row"], one["number"]) for one in booking["seats"]] == [("C", 3)]


def test_nobody_pays_a_price_that_was_not_shown(
    page: Page, organizer: Person, person: MakePerson
) -> None:
    rows = [{"name": "B", "seats": 4}]
    event = publish(organizer, title="Dearer", seating=hall_of(rows))
    guest = person("seats-dearer")
    sign_in(page, guest)
    open_event(page, event)
    dearer = {"sections": [{**hall_of(rows)["sections"][0], "price": 9_900}]}
    organizer.send("PATCH", f"/events/{event['id']}", 200, json=dearer)
    seat(page, "Row B, seat 2").click()
    page.get_by_role("button", name="Book now").click()
    expect(page.get_by_role("alert")).to_contain_text("This event has just been changed.")
    assert guest.send("GET", "/bookings", 200).json()["items"] == []
    page.get_by_role("button", name="Book now").click()
    expect(page.get_by_text("Booked. Your tickets are ready.")).to_be_visible()
    (booking,) = guest.send("GET", "/bookings", 200).json()["items"]
    assert booking["total"] == 9_900


def test_while_ids_are_on_their_way_no_second_attempt_begins(
    page: Page, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Impatient", seating=hall_of([{"name": "B", "seats": 4}]))
    guest = person("seats-impatient")
    sign_in(page, guest)
    waiting: list[Route] = []
    page.route("**/seats", lambda route: waiting.append(route))
    open_event(page, event)
    seat(page, "Row B, seat 2").click()
    seat(page, "Row B, seat 3").click()
    page.get_by_role("button", name="Book now").click()
    page.get_by_role("button", name="Hold for now").click()
    # Thought better of meanwhile: what is shown is what is booked.
    seat(page, "Row B, seat 3").click()
    expect(chosen(page)).to_have_count(1)
    for route in waiting:
        route.continue_()
    expect(page.get_by_text("Booked. Your tickets are ready.")).to_be_visible()
    (booking,) = guest.send("GET", "/bookings", 200).json()["items"]
    assert [(one["row"], one["number"]) for one in booking["seats"]] == [("B", 2)]


def test_seats_are_chosen_and_booked_later_when_their_ids_are_late(
    page: Page, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Late ids", seating=hall_of([{"name": "B", "seats": 4}]))
    sign_in(page, person("seats-late"))
    page.route("**/seats", lambda route: route.abort())
    open_event(page, event)
    seat(page, "Row B, seat 2").click()
    expect(chosen(page)).to_have_count(1)
    page.get_by_role("button", name="Book now").click()
    expect(page.get_by_role("alert")).to_contain_text("No connection")
    expect(chosen(page)).to_have_count(1)
    page.unroute("**/seats")
    page.get_by_role("button", name="Book now").click()
    expect(page.get_by_text("Booked. Your tickets are ready.")).to_be_visible()


def hall_of(rows: list[Json]) -> Json:
    return {"kind": "assigned", "sections": [{"name": "Stalls", "rows": rows}]}


# The same halls are given to the rule that the services book by.
GROUPS = """async (halls) => {
    const { bestGroups, alternatives } = await import("/static/x/plain/seats/groups.js");
    const { rowsOf } = await import("/static/x/plain/seating.js");
    const ids = (seats) => seats.map(({ id }) => id);
    const KINDS = { standard: "s", accessible: "a" };
    const letter = (seat) => KINDS[seat?.kind] ?? "_";
    const letters = (seats) => Array.from({ length: seats.at(-1).column }, (_, column) =>
        letter(seats.find((seat) => seat.column === column + 1))).join("");
    const planOf = ({ seats }) =>
        ({ columns: 0, letters: letters(seats), numbers: seats.map(({ number }) => number) });
    return halls.map(({ sections, size, wanted }) => {
        const rows = rowsOf(sections.map((one) => ({ ...one, rows: one.rows.map(planOf) })));
        const all = rows.flatMap((row) => row.seats);
        const given = sections.flatMap((one) => one.rows.flatMap((row) => row.seats));
        given.forEach(({ id, state }, index) => Object.assign(all[index], { id, state }));
        const seats = all.filter(({ id }) => wanted.includes(id));
        return {
            best: bestGroups(rows, size, { section: 0, most: 1 }).map(ids),
            alternatives: alternatives(rows, seats, size).map(ids),
        };
    });
}"""


def random_hall(dice: random.Random) -> Json:
    count = 0

    def seats_of_row() -> list[Json]:
        nonlocal count
        columns = [c for c in range(1, dice.randint(4, 24)) if dice.random() < 0.9] or [1]
        seats = []
        for number, column in enumerate(columns, 1):
            count += 1
            state = "free" if dice.random() < 0.6 else "booked"
            kind = "accessible" if dice.random() < 0.05 else "standard"
            seats.append({"id": str(UUID(int=count)), "number": number, "column": column, "kind": kind,
                          "state": state})  # fmt: skip
        return seats

    sections: list[Json] = [
        {
            "name": f"S{s}",
            "price": 1,
            "rows": [{"name": f"{r}", "seats": seats_of_row()} for r in range(6)],
        }
        for s in range(2)
    ]
    size = dice.randint(1, 5)
    rows = [row["seats"] for section in sections for row in section["rows"]]
    row = dice.choice([row for row in rows if len(row) >= size] or rows)
    start = dice.randrange(max(1, len(row) - size + 1))
    wanted = [one["id"] for one in row[start : start + size]]
    return {"sections": sections, "size": len(wanted), "wanted": wanted}


def as_services_choose(hall: Json) -> Json:
    free: list[FreeRow] = []
    wanted: list[Location] = []
    for s, section in enumerate(hall["sections"]):
        for r, row in enumerate(section["rows"]):
            seats = row["seats"]
            wanted += [
                Location(s, r, one["column"]) for one in seats if one["id"] in hall["wanted"]
            ]
            left = [o for o in seats if o["state"] == "free" and o["kind"] == "standard"]
            if left:
                columns = [one["column"] for one in left]
                ids = [UUID(one["id"]) for one in left]
                ends = seats[0]["column"], seats[-1]["column"]
                free.append(FreeRow(section["name"], s, row["name"], r, *ends, SeatKind.STANDARD,
                                    columns, ids))  # fmt: skip
    others = FreeSeats(free).alternatives(wanted, hall["size"])
    best = FreeSeats(free).take_adjacent(hall["size"], section="S0")
    return {
        "best": [[str(id) for id in best]] if best else [],
        "alternatives": [[str(id) for id in group] for group in others],
    }


@pytest.mark.parametrize("seed", [1])
def test_the_page_offers_the_groups_that_the_services_would_give(page: Page, seed: int) -> None:
    dice = random.Random(seed)
    halls = [random_hall(dice) for _ in range(300)]
    page.goto("/")
    assert page.evaluate(GROUPS, halls) == [as_services_choose(hall) for hall in halls]


CHANGED = "This event has just been changed. Look at it again, then book."
# Of what a guest decides by, and how the page shows it.
CHANGES: dict[str, tuple[Json, str]] = {
    "price": ({"price": 9_900}, "€99.00"),
    "currency": ({"currency": "CHF"}, "CHF"),
    "place": ({"venue": "Castle"}, "Castle"),
    "time": (
        {"starts_at": "2099-01-01T18:00:00Z", "ends_at": "2099-01-01T20:00:00Z"},
        "2099",
    ),
}


@pytest.mark.parametrize("seating", ["general", "assigned"])
@pytest.mark.parametrize(("change", "shown"), CHANGES.values(), ids=CHANGES)
def test_nobody_books_what_was_not_shown(
    page: Page, organizer: Person, person: MakePerson, seating: str, change: Json, shown: str
) -> None:
    plan = hall_of([{"name": "B", "seats": 4}])
    more = {"seating": plan} if seating == "assigned" else {}
    event = publish(organizer, title="Changed", **more)
    guest = person("seats-changed")
    sign_in(page, guest)
    if seating == "general":
        page.goto(f"/events/{event['id']}")
    else:
        open_event(page, event)
        with page.expect_response("**/seats"):
            seat(page, "Row B, seat 2").click()
        expect(chosen(page)).to_have_count(1)
    organizer.send("PATCH", f"/events/{event['id']}", 200, json=change)
    page.get_by_role("button", name="Book now").click()
    expect(page.get_by_role("alert")).to_have_text(CHANGED)
    assert guest.send("GET", "/bookings", 200).json()["items"] == []
    expect(page.locator("article.event")).to_contain_text(shown)
    expect(page.get_by_role("button", name="Book now")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Booked. Your tickets are ready.")).to_be_visible()
    (booking,) = guest.send("GET", "/bookings", 200).json()["items"]
    assert booking["total"] == change.get("price", 2_500)


# The ids begin to come; then the line carries nothing more.
STALL_IDS = """
const whole = window.fetch;
window.fetch = async (url, options) => {
    const answer = await whole(url, options);
    if (!String(url).endsWith("/seats") || window.isWell) return answer;
    const begun = new ReadableStream({ start(stream) {
        stream.enqueue(new TextEncoder().encode("{"));
        options.signal.addEventListener("abort", () => stream.error(options.signal.reason));
    } });
    return new Response(begun, answer);
};
"""


def test_an_answer_that_stalls_midway_is_told_and_given_up(
    page: Page, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Stalled", seating=hall_of([{"name": "B", "seats": 4}]))
    sign_in(page, person("seats-stalled"))
    page.clock.install()
    page.add_init_script(STALL_IDS)
    open_event(page, event)
    seat(page, "Row B, seat 2").click()
    page.get_by_role("button", name="Book now").click()
    expect(page.get_by_role("button", name="Book now")).to_have_attribute("aria-busy", "true")
    page.clock.fast_forward(7_000)
    expect(page.get_by_text("still waiting for an answer")).to_be_visible()
    assert_accessible(page, looks=("light",))
    page.clock.fast_forward(46_000)
    expect(page.get_by_role("alert")).to_contain_text("No connection")
    expect(page.get_by_text("still waiting for an answer")).to_have_count(0)
    page.evaluate("window.isWell = true")
    page.get_by_role("button", name="Book now").click()
    expect(page.get_by_text("Booked. Your tickets are ready.")).to_be_visible()


def test_ids_are_asked_for_by_who_can_book(
    page: Page, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Just looking", seating=hall_of([{"name": "B", "seats": 4}]))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_event(page, event)
    seat(page, "Row B, seat 2").click()
    expect(chosen(page)).to_have_count(1)
    with page.expect_response("**/seats/states"):
        pass
    assert [url for url in asked if url.endswith("/seats")] == []
    sign_in(page, person("seats-looking"))
    with page.expect_request("**/seats"):
        open_event(page, event)

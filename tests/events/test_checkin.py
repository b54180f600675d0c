"""At the door: a ticket opens it once, and only its own event's."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from fastapi import FastAPI

from event_service.bookings.tickets import draw
from service_kit.ids import new_id
from tests.events.conftest import Json, Publish, User, problem, sections
from tests.events.test_holds import let_lapse
from tests.events.waitlist import change, rows

MakeUser = Callable[..., User]


@pytest.fixture
async def event(published: Publish) -> Json:
    return await published(capacity=20)


@pytest.fixture
async def booking(event: Json, guest: User) -> Json:
    made: Json = (await guest.book(event, 2)).json()
    return made


def code_of(booking: Json, number: int = 0) -> str:
    code: str = booking["seats"][number]["ticket_code"]
    return code


async def test_a_ticket_is_checked_in_once(organizer: User, event: Json, booking: Json) -> None:
    url, code = f"/events/{event['id']}/check-ins", code_of(booking)
    first = await organizer.post(url, {"ticket_code": code})
    assert first.status_code == 200
    done = first.json()
    assert set(done) == {
        "ticket_code", "booking_id", "guest_name", "seat", "checked_in_at", "checked_in", "capacity"
    }  # fmt: skip
    assert (done["ticket_code"], done["booking_id"]) == (code, booking["id"])
    assert done["seat"]["id"] == booking["seats"][0]["id"]
    assert done["checked_in_at"].endswith("Z")
    again = await organizer.post(url, {"ticket_code": code})
    assert problem(again) == (409, "already-checked-in")
    when = [datetime.fromisoformat(body["checked_in_at"]) for body in (done, again.json())]
    assert when[0] == when[1]
    other = await organizer.post(url, {"ticket_code": code_of(booking, 1)})
    assert other.status_code == 200


async def test_the_door_reads_who_comes_and_how_many_are_in(
    organizer: User, user: MakeUser, published: Publish
) -> None:
    event, other = await published(capacity=20), await published(capacity=20)
    named, unnamed = user(name="Ada"), user()
    first, second = [(await one.book(event, 2)).json() for one in (named, unnamed)]
    elsewhere = (await named.book(other)).json()

    async def enter(of: Json, booking: Json, number: int = 0) -> tuple[Any, int, int]:
        url = f"/events/{of['id']}/check-ins"
        answer = (await organizer.post(url, {"ticket_code": code_of(booking, number)})).json()
        return answer["guest_name"], answer["checked_in"], answer["capacity"]

    assert await enter(event, first) == ("Ada", 1, 20)
    assert await enter(other, elsewhere) == ("Ada", 1, 20)
    assert await enter(event, second) == (None, 2, 20)
    assert await enter(event, first, 1) == ("Ada", 3, 20)
    url = f"/events/{event['id']}/check-ins"
    assert (await organizer.delete(f"{url}/{code_of(first)}")).status_code == 204
    await named.patch(f"/bookings/{first['id']}", {"guest_name": "Grace"})
    assert await enter(event, first) == ("Grace", 3, 20)


async def test_the_seat_is_named(organizer: User, guest: User, published: Publish) -> None:
    plan = sections(("Stalls", "A", 3))
    event = await published(seating={"kind": "assigned", "sections": plan})
    booking = (await guest.book(event)).json()
    answer = await organizer.post(
        f"/events/{event['id']}/check-ins", {"ticket_code": code_of(booking)}
    )
    seat = booking["seats"][0]
    seat.pop("ticket_code")
    assert answer.json()["seat"] == seat


def mistaken(code: str) -> str:
    return code.replace("-", " ").replace("0", "o").replace("1", "l")


@pytest.mark.parametrize(
    "written",
    [str.lower, lambda code: f"  {code}\t\n", lambda code: code.replace("-", ""), mistaken],
)
async def test_a_code_may_be_typed(
    organizer: User, event: Json, booking: Json, written: Callable[[str], str]
) -> None:
    answer = await organizer.post(
        f"/events/{event['id']}/check-ins", {"ticket_code": written(code_of(booking))}
    )
    assert answer.json()["ticket_code"] == code_of(booking)


@pytest.mark.parametrize(
    "written", [str, str.lower, mistaken, lambda code: f"{code[:9]}-{code[9:]}"]
)
async def test_a_ticket_with_an_old_code_stays_valid(
    app: FastAPI,
    organizer: User,
    guest: User,
    event: Json,
    booking: Json,
    written: Callable[[str], str],
) -> None:
    # Codes are unique; each case has its own.
    code = new_id().hex[:30].upper()
    await change(
        app,
        "UPDATE ticket SET code = :code WHERE code = :now",
        code=code,
        now=code_of(booking),
    )
    shown = (await guest.get(f"/bookings/{booking['id']}")).json()
    assert code_of(shown) == code
    seat = booking["seats"][0]["id"]
    image = await guest.get(f"/bookings/{booking['id']}/tickets/{seat}.svg")
    assert image.content == draw(code)
    url = f"/events/{event['id']}/check-ins"
    answer = await organizer.post(url, {"ticket_code": written(code)})
    assert (answer.status_code, answer.json()["ticket_code"]) == (200, code)
    assert (await organizer.delete(f"{url}/{written(code)}")).status_code == 204
    assert (await organizer.post(url, {"ticket_code": code})).status_code == 200


async def test_the_release_before_finds_a_new_code(
    event: Json, booking: Json, app: FastAPI
) -> None:
    """It looks for what was scanned, in capitals: codes are stored as tickets show them."""
    scanned = code_of(booking).lower()
    found = await rows(
        app, "SELECT booking_id FROM ticket WHERE code = :code", code=scanned.strip().upper()
    )
    assert [str(row.booking_id) for row in found] == [booking["id"]]


async def test_a_check_in_can_be_undone(organizer: User, event: Json, booking: Json) -> None:
    url, code = f"/events/{event['id']}/check-ins", code_of(booking)
    await organizer.post(url, {"ticket_code": code})
    assert (await organizer.delete(f"{url}/{code.lower()}")).status_code == 204
    assert (await organizer.delete(f"{url}/{code}")).status_code == 204
    assert (await organizer.post(url, {"ticket_code": code})).status_code == 200
    assert problem(await organizer.delete(f"{url}/NOSUCHCODE")) == (404, "not-found")


async def test_another_events_code_opens_no_door(
    organizer: User, event: Json, booking: Json, published: Publish
) -> None:
    other = await published()
    url = f"/events/{other['id']}/check-ins"
    answer = await organizer.post(url, {"ticket_code": code_of(booking)})
    assert problem(answer) == (404, "not-found")
    assert problem(await organizer.delete(f"{url}/{code_of(booking)}")) == (404, "not-found")


async def test_what_is_not_confirmed_opens_no_door(
    app: FastAPI, organizer: User, guest: User, event: Json, booking: Json
) -> None:
    held = (await guest.book(event, hold=True)).json()
    lapsed = (await guest.book(event, hold=True)).json()
    await let_lapse(app, lapsed)
    await guest.post(f"/bookings/{booking['id']}/cancel")
    for one in (held, lapsed, booking):
        answer = await organizer.post(
            f"/events/{event['id']}/check-ins", {"ticket_code": code_of(one)}
        )
        assert problem(answer) == (404, "not-found")


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("", (422, "invalid-request")),
        ("   ", (422, "invalid-request")),
        ("A" * 201, (422, "invalid-request")),
        ("A\x00B", (422, "invalid-request")),
        ("\ud800", (422, "invalid-request")),
        (None, (422, "invalid-request")),
        (17, (422, "invalid-request")),
        ("' OR 1=1 --", (404, "not-found")),
        ("%", (404, "not-found")),
    ],
)
async def test_what_is_no_code_is_refused(
    organizer: User, event: Json, code: Any, refusal: tuple[int, str]
) -> None:
    url = f"/events/{event['id']}/check-ins"
    body, headers = json.dumps({"ticket_code": code}), {"Content-Type": "application/json"}
    assert problem(await organizer.http.post(url, content=body, headers=headers)) == refusal


async def test_a_strange_code_in_the_path_is_not_found(organizer: User, event: Json) -> None:
    for code in ("%00", "%0A", "x" * 5_000, "%ED%A0%80"):
        answer = await organizer.delete(f"/events/{event['id']}/check-ins/{code}")
        assert answer.status_code in (404, 422), code


async def test_only_the_organizer_stands_at_the_door(
    guest: User, user: MakeUser, anybody: Any, event: Json, booking: Json
) -> None:
    url = f"/events/{event['id']}/check-ins"
    body = {"ticket_code": code_of(booking)}
    for someone in (guest, user()):
        assert problem(await someone.post(url, body)) == (403, "forbidden")
        assert problem(await someone.delete(f"{url}/{code_of(booking)}")) == (403, "forbidden")
    assert problem(await anybody.post(url, json=body)) == (401, "not-authenticated")
    assert problem(await anybody.delete(f"{url}/x")) == (401, "not-authenticated")


async def test_of_many_scanners_at_once_one_lets_the_guest_in(
    organizer: User, event: Json, booking: Json
) -> None:
    url = f"/events/{event['id']}/check-ins"
    answers = await asyncio.gather(
        *(organizer.post(url, {"ticket_code": code_of(booking)}) for _ in range(12))
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 11}
    (entered,) = (a.json()["checked_in_at"] for a in answers if a.status_code == 200)
    assert {a.json()["checked_in_at"] for a in answers} == {entered}


async def test_entering_while_the_booking_is_cancelled_comes_before_or_not_at_all(
    organizer: User, guest: User, event: Json
) -> None:
    bookings = [(await guest.book(event)).json() for _ in range(8)]
    url = f"/events/{event['id']}/check-ins"

    async def race(booking: Json) -> tuple[int, int, int]:
        entered, cancelled = await asyncio.gather(
            organizer.post(url, {"ticket_code": code_of(booking)}),
            guest.post(f"/bookings/{booking['id']}/cancel"),
        )
        again = await organizer.post(url, {"ticket_code": code_of(booking)})
        return entered.status_code, cancelled.status_code, again.status_code

    # Who was let in has a booking, and who cancelled it is not let in.
    assert {await race(booking) for booking in bookings} <= {(404, 200, 404), (200, 409, 409)}

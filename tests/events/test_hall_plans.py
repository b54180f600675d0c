"""Plans with gaps, accessible and blocked seats: how they are shown, counted, booked and changed."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from event_service.settings import Settings
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, problem
from tests.events.waitlist import cancel, join, place_of


def plan(**sections: list[str | int]) -> list[Json]:
    """``plan(Stalls=["ss_ss", 4])``; rows are named 1, 2 and so on."""
    return [
        {"name": name, "rows": [{"name": str(i), "seats": row} for i, row in enumerate(rows, 1)]}
        for name, rows in sections.items()
    ]


def assigned(**sections: list[str | int]) -> Json:
    return {"kind": "assigned", "sections": plan(**sections)}


async def seat_map(client: User | httpx.AsyncClient, event: Json) -> dict[str, list[str]]:
    """By section: rows as strings of letters, as a plan has them, with upper case for taken seats."""
    shown = (await client.get(f"/events/{event['id']}/seats")).json()
    return {
        section["name"]: [letters(row["seats"]) for row in section["rows"]]
        for section in shown["sections"]
    }


LETTERS = {"standard": "s", "accessible": "a", "blocked": "x"}


def letters(seats: list[Json]) -> str:
    row = ["_"] * max(seat["column"] for seat in seats)
    for seat in seats:
        letter = LETTERS[seat["kind"]]
        row[seat["column"] - 1] = letter if seat["state"] in ("free", "blocked") else letter.upper()
        assert (seat["kind"] == "blocked") == (seat["state"] == "blocked")
    assert [seat["number"] for seat in seats] == list(range(1, len(seats) + 1))
    return "".join(row)


async def seat_ids(client: User, event: Json) -> dict[tuple[str, str, int], str]:
    shown = (await client.get(f"/events/{event['id']}/seats")).json()
    return {
        (section["name"], row["name"], seat["number"]): seat["id"]
        for section in shown["sections"] for row in section["rows"] for seat in row["seats"]
    }  # fmt: skip


async def rows_of(app: FastAPI, event: Json) -> list[tuple[Any, ...]]:
    """The stored ends of the rows."""
    statement = """
        SELECT section.name, seat_row.name, seat_row.position, first_column, last_column
        FROM seat_row JOIN section ON section.id = section_id
        WHERE event_id = :id ORDER BY 1, 3
    """
    async with app.state.database.transaction() as session:
        rows = await session.execute(text(statement), {"id": event["id"]})
    return [tuple(row) for row in rows]


HALL: dict[str, list[str | int]] = {"Stalls": ["__ss_ss", "asxxs_a", 3], "Balcony": ["xx", "s"]}


async def test_a_plan_is_shown_as_it_was_given(
    published: Publish, anybody: httpx.AsyncClient
) -> None:
    event = await published(seating=assigned(**HALL))
    assert await seat_map(anybody, event) == {
        "Stalls": ["__ss_ss", "asxxs_a", "sss"], "Balcony": ["xx", "s"]
    }  # fmt: skip


async def test_blocked_seats_are_no_part_of_the_capacity(
    published: Publish, anybody: httpx.AsyncClient
) -> None:
    event = await published(seating=assigned(**HALL))
    assert (event["capacity"], event["seats_available"]) == (12, 12)
    counted = (await anybody.get(f"/events/{event['id']}/availability")).json()
    assert counted == {"capacity": 12, "available": 12, "held": 0, "booked": 0}


async def test_a_blocked_seat_cannot_be_booked(published: Publish, guest: User) -> None:
    event = await published(seating=assigned(A=["sxs"]))
    ids = await seat_ids(guest, event)
    answer = await guest.book(event, seat_ids=[ids["A", "1", 1], ids["A", "1", 2]])
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:problem:seats-unavailable"
    assert answer.json()["seat_ids"] == [ids["A", "1", 2]]
    assert await seat_map(guest, event) == {"A": ["sxs"]}


async def test_no_booking_gets_a_blocked_seat(published: Publish, guest: User) -> None:
    event = await published(seating=assigned(A=["xxsx", "x_s"]), max_seats_per_user=9)
    assert (await guest.book(event, quantity=3)).json()["available"] == 2
    assert (await guest.book(event, quantity=2)).status_code == 201
    assert await seat_map(guest, event) == {"A": ["xxSx", "x_S"]}


@pytest.mark.parametrize(
    "seats",
    ["", "_", "__", "ssb", "SS", "s s", "ss\n", "s" * 5_001, "с", 0, -1, 5_001, 2.0, True, "7", None, ["s"]],
)  # fmt: skip
async def test_a_row_that_makes_no_sense_is_refused(organizer: User, seats: Any) -> None:
    answer = await organizer.post("/events", event_body(seating=assigned(A=[seats])))
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["field"].endswith("rows.0.seats")


async def test_the_longest_row_is_taken(organizer: User) -> None:
    answer = await organizer.post("/events", event_body(seating=assigned(A=["s" + "_" * 4_999])))
    assert (answer.status_code, answer.json()["capacity"]) == (201, 1)


@pytest.mark.parametrize(
    "sections", [plan(A=["xx"]), plan(A=["x" * 5_000] * 20, B=["s"]), plan(A=["s" * 5_000] * 21)]
)
async def test_a_hall_without_seats_or_with_too_many_is_refused(
    organizer: User, sections: list[Json]
) -> None:
    seating = {"kind": "assigned", "sections": sections}
    assert (await organizer.post("/events", event_body(seating=seating))).status_code == 422


@pytest.fixture
def few_draft_seats(app: FastAPI, settings: Settings) -> Iterator[int]:
    app.state.settings = settings.model_copy(update={"max_draft_seats": 10})
    yield 10
    app.state.settings = settings


@pytest.mark.usefixtures("few_draft_seats")
async def test_blocked_seats_count_towards_the_limit_of_drafts(organizer: User) -> None:
    first = await organizer.post("/events", event_body(seating=assigned(A=["sxxxx"])))
    assert first.status_code == 201
    too_many = await organizer.post("/events", event_body(seating=assigned(A=["sxxxxx"])))
    assert too_many.json()["type"] == "urn:problem:too-many-draft-seats"
    url = f"/events/{first.json()['id']}"
    for row, status in (("sxxxxxxxxxx", 409), ("sxxxxxxxxx", 200), ("sssssxxxxx", 200)):
        assert (await organizer.patch(url, {"sections": plan(A=[row])})).status_code == status


async def test_a_plan_may_change_as_long_as_what_is_taken_stays(
    organizer: User, published: Publish, guest: User
) -> None:
    event = await published(seating=assigned(A=["ssss", "ssss"], B=["ss"]), max_seats_per_user=9)
    url = f"/events/{event['id']}"
    ids = await seat_ids(guest, event)
    taken = [ids["A", "1", 2], ids["A", "1", 3], ids["B", "1", 1]]
    assert (await guest.book(event, seat_ids=taken)).status_code == 201

    # an aisle, accessible and blocked seats, another order
    new = plan(B=["as"], A=["x_ssa", "sxxs", "s"])
    changed = await organizer.patch(url, {"sections": new})
    assert changed.status_code == 200
    assert (changed.json()["capacity"], changed.json()["version"]) == (8, event["version"] + 1)
    assert await seat_map(guest, event) == {"B": ["As"], "A": ["x_SSa", "sxxs", "s"]}
    after = await seat_ids(guest, event)
    assert {ids[seat] for seat in ids if seat in after and ids[seat] == after[seat]} == set(
        ids.values()
    ) - {ids["A", "1", 1], ids["A", "2", 2], ids["A", "2", 3]}

    # the same again changes nothing, and back
    again = await organizer.patch(url, {"sections": new})
    assert again.json()["version"] == changed.json()["version"]
    back = await organizer.patch(url, {"sections": plan(A=["ssss", "ssss"], B=["ss"])})
    assert back.json()["capacity"] == 10
    assert await seat_map(guest, event) == {"A": ["sSSs", "ssss"], "B": ["Ss"]}


@pytest.mark.parametrize("row", ["sx", "s", "s_", 1])
async def test_a_taken_seat_is_neither_blocked_nor_removed(
    organizer: User, published: Publish, guest: User, row: str | int
) -> None:
    event = await published(seating=assigned(A=["ss"]))
    ids = await seat_ids(guest, event)
    await guest.book(event, seat_ids=[ids["A", "1", 2]], hold=True)
    answer = await organizer.patch(f"/events/{event['id']}", {"sections": plan(A=[row])})
    assert (answer.status_code, answer.json()["in_use"]) == (409, 1)
    assert await seat_map(guest, event) == {"A": ["sS"]}


async def test_rows_know_where_they_stand(
    organizer: User, published: Publish, app: FastAPI
) -> None:
    event = await published(seating=assigned(A=["__ss_x__", 3, "s"], B=["_a"]))
    rows = await rows_of(app, event)
    assert rows == [
        ("A", "1", 0, 3, 6),
        ("A", "2", 1, 1, 3),
        ("A", "3", 2, 1, 1),
        ("B", "1", 0, 2, 2),
    ]
    await organizer.patch(f"/events/{event['id']}", {"sections": plan(A=["s", "xx_s"])})
    rows = await rows_of(app, event)
    assert rows == [("A", "1", 0, 1, 1), ("A", "2", 1, 1, 4)]


async def test_what_the_previous_release_wrote_is_shown_and_changed(
    organizer: User, published: Publish, app: FastAPI, guest: User
) -> None:
    event = await published(seating=assigned(A=[3]))
    async with app.state.database.transaction() as session:
        for statement in (
            "UPDATE seat SET column_number = NULL, kind = DEFAULT WHERE event_id = :id",
            "DELETE FROM seat_row USING section WHERE section.id = section_id AND event_id = :id",
        ):
            await session.execute(text(statement), {"id": event["id"]})
    assert await seat_map(guest, event) == {"A": ["sss"]}
    url = f"/events/{event['id']}"
    same = await organizer.patch(url, {"sections": plan(A=[3])})
    assert same.json()["version"] == event["version"]
    await organizer.patch(url, {"sections": plan(A=["ss_s"])})
    assert await seat_map(guest, event) == {"A": ["ss_s"]}


async def test_who_waits_waits_for_standard_seats(
    published: Publish, guest: User, user: Callable[..., User]
) -> None:
    event = await published(seating=assigned(A=["asa"]))
    ids, holder, waiting = await seat_ids(guest, event), user(), user()
    standard = (await holder.book(event, seat_ids=[ids["A", "1", 2]])).json()
    accessible = (await holder.book(event, seat_ids=[ids["A", "1", 1]])).json()
    refused = await waiting.book(event, quantity=1)
    assert (problem(refused), refused.json()["available"]) == ((409, "sold-out"), 0)
    # Nobody is told that there are seats which cannot be booked.
    await join(waiting, event)
    await cancel(holder, accessible)
    assert (await place_of(waiting, event))["status"] == "waiting"
    await cancel(holder, standard)
    offer = (await place_of(waiting, event))["offer"]
    assert offer is not None
    assert await seat_map(guest, event) == {"A": ["aSa"]}

"""Events of very many seats: PostgreSQL makes, compares and removes them, and nobody else waits."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI

from event_service.events import seating
from event_service.models import Base, Seat
from tests.event_bodies import event_body
from tests.events.conftest import Json, User, sections
from tests.events.many_guests import others_waiting

SEATS = 20_000
LOOP_SECONDS = 0.1


def assigned(*rows: tuple[str, str, int]) -> Json:
    return event_body(seating={"kind": "assigned", "sections": sections(*rows)})


def hall(of: str, rows: int = 40) -> list[tuple[str, str, int]]:
    return [(of, f"{of}{number}", SEATS // rows) for number in range(rows)]


async def made(organizer: User, body: Json) -> str:
    answer = await organizer.post("/events", body)
    assert answer.status_code == 201, answer.text
    return f"/events/{answer.json()['id']}"


@pytest.mark.alone
async def test_seats_are_made_and_changed_without_an_object_for_each(organizer: User) -> None:
    async with others_waiting() as waited:
        plan = await made(organizer, assigned(*hall("A")))
        turned = await organizer.patch(plan, {"sections": sections(*hall("B"), *hall("A")[::-1])})
        general = await made(organizer, event_body(seating={"kind": "general", "capacity": SEATS}))
        for capacity in (SEATS * 2, 100):
            answer = await organizer.patch(general, {"capacity": capacity})
            assert (answer.status_code, answer.json()["capacity"]) == (200, capacity)
        assert (await organizer.delete(general)).status_code == 204
    assert (turned.status_code, turned.json()["capacity"]) == (200, 2 * SEATS)
    assert waited.loop < LOOP_SECONDS


@pytest.mark.alone
async def test_control_an_object_for_each_seat_keeps_everybody_waiting(
    organizer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was: if this fails, the test above shows nothing."""

    async def one_by_one(session: Any, event_id: Any, plan: Any) -> None:
        ids = await seating._insert_sections(session, event_id, plan)
        session.add_all(
            Seat(
                event_id=event_id, section_id=ids[part.name], row_name=row.name, number=number,
                position=100_000 * at + number,
            )
            for part in plan for at, row in enumerate(part.rows) for number in range(1, row.seats + 1)
        )  # fmt: skip
        await session.flush()

    monkeypatch.setattr(seating, "add_assigned_seats", one_by_one)
    async with others_waiting() as waited:
        await made(organizer, assigned(*hall("A", rows=10)[:2]))
    assert waited.loop > LOOP_SECONDS


async def test_a_new_plan_keeps_what_it_names_and_who_sits_there(
    organizer: User, user: Callable[..., User]
) -> None:
    url = await made(organizer, assigned(("A", "1", 3), ("A", "2", 2), ("B", "1", 2)))
    await organizer.post(f"{url}/publish")
    before = await seats_of(organizer, url)
    guest = user()
    event = {"id": url.split("/")[-1]}
    booking = (await guest.book(event, seat_ids=[before["A", "2", 1]])).json()

    kept = sections(("C", "1", 1), ("A", "2", 1), ("A", "1", 4))
    answer = await organizer.patch(url, {"sections": kept})
    assert (answer.status_code, answer.json()["capacity"]) == (200, 6)
    after = await seats_of(organizer, url)
    assert list(after) == [
        ("C", "1", 1), ("A", "2", 1), ("A", "1", 1), ("A", "1", 2), ("A", "1", 3), ("A", "1", 4),
    ]  # fmt: skip
    assert {place: after[place] for place in after if place in before} == {
        place: before[place] for place in before if place in after
    }
    assert (await guest.get(f"/bookings/{booking['id']}")).json()["seats"] == booking["seats"]

    refused = await organizer.patch(url, {"sections": sections(("C", "1", 1), ("A", "1", 4))})
    assert refused.status_code == 409 and refused.json()["in_use"] == 1
    assert await seats_of(organizer, url) == after


async def seats_of(who: User, url: str) -> dict[tuple[str, str, int], str]:
    """The ids of all seats by where they are, in the map's order."""
    parts = (await who.get(f"{url}/seats")).json()["sections"]
    return {
        (part["name"], row["name"], seat["number"]): seat["id"]
        for part in parts for row in part["rows"] for seat in row["seats"]
    }  # fmt: skip


def test_whoever_removes_a_row_finds_what_refers_to_it_by_an_index(app: FastAPI) -> None:
    """A draft of 500 sections took PostgreSQL through all seats of all events 500 times."""
    without: list[str] = []
    for table in Base.metadata.tables.values():
        led = {index.columns[0].name for index in table.indexes if len(index.columns)}
        led.add(next(iter(table.primary_key.columns)).name)
        without += [
            f"{table.name}.{key.column_keys[0]}"
            for key in table.foreign_key_constraints
            if key.column_keys[0] not in led
        ]
    assert without == []

"""A number of seats of a hall: neighbours, the best first, and what is offered instead of taken ones."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from event_service.bookings import free_seats
from event_service.bookings.free_seats import read_free_rows
from tests.events.conftest import Json, Publish, User, problem
from tests.events.waitlist import MakeUser

PLAN = {
    "kind": "assigned",
    "sections": [
        {
            "name": "Stalls",
            "rows": [{"name": "A", "seats": "ssss_aass"}, {"name": "B", "seats": "sssssxsss"}],
        },
        {"name": "Circle", "price": 4000, "rows": [{"name": "A", "seats": 6}]},
    ],
}


@pytest.fixture
async def hall(published: Publish) -> Json:
    return await published(seating=PLAN, max_seats_per_user=30)


def places(answer: Any) -> list[str]:
    assert answer.status_code == 201, answer.text
    return [f"{seat['section']} {seat['row']}{seat['number']}" for seat in answer.json()["seats"]]


async def seat_ids(guest: User, event: Json) -> dict[str, str]:
    plan = (await guest.get(f"/events/{event['id']}/seats")).json()
    return {
        f"{section['name']} {row['name']}{seat['number']}": seat["id"]
        for section in plan["sections"]
        for row in section["rows"]
        for seat in row["seats"]
    }


async def test_a_group_sits_together_in_front(guest: User, hall: Json) -> None:
    assert places(await guest.book(hall, 4)) == [f"Stalls A{n}" for n in (1, 2, 3, 4)]
    assert places(await guest.book(hall, 5)) == [f"Stalls B{n}" for n in (1, 2, 3, 4, 5)]


async def test_a_section_or_a_kind_may_be_named(guest: User, hall: Json) -> None:
    booked = await guest.book(hall, 2, section="Circle")
    assert places(booked) == ["Circle A3", "Circle A4"]
    assert booked.json()["total"] == 8000
    assert places(await guest.book(hall, 2, kind="accessible")) == ["Stalls A5", "Stalls A6"]
    refused = await guest.book(hall, 1, kind="accessible")
    assert problem(refused) == (409, "sold-out")
    assert refused.json()["available"] == 0


async def test_where_no_row_has_so_many_the_nearest_that_fit_are_taken(
    guest: User, hall: Json
) -> None:
    answer = await guest.book(hall, 12)
    assert len(set(places(answer))) == 12
    assert {seat["section"] for seat in answer.json()["seats"]} == {"Stalls"}


async def test_more_than_there_are_is_refused_with_their_number(guest: User, hall: Json) -> None:
    refused = await guest.book(hall, 21)
    assert problem(refused) == (409, "sold-out")
    # Accessible seats are not among them.
    assert refused.json()["available"] == 20
    refused = await guest.book(hall, 7, section="Circle")
    assert problem(refused) == (409, "sold-out")
    assert refused.json()["available"] == 6


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"section": "Balcony"}, "section"),
        ({"section": "x" * 101}, "section"),
        ({"kind": "blocked"}, "kind"),
        ({"kind": "royal"}, "kind"),
    ],
)
async def test_a_part_that_the_hall_does_not_have_is_a_mistake(
    guest: User, hall: Json, wish: Json, field: str
) -> None:
    await guest.book(hall, 20)
    answer = await guest.book(hall, 6, **wish)
    assert problem(answer) == (422, "invalid-request")
    assert answer.json()["errors"][0]["field"].endswith(field)


async def test_nobody_looks_for_seats_of_a_section_that_is_not_there(
    guest: User, hall: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look may read through a large hall, and a batch may have 64 names."""
    looks = []

    async def recorded(*asked: Any, **more: Any) -> Any:
        looks.append(asked)
        return await read_free_rows(*asked, **more)

    monkeypatch.setattr(free_seats, "read_free_rows", recorded)
    answer = await guest.book(hall, 2, section="Balcony")
    assert problem(answer) == (422, "invalid-request")
    assert looks == []
    assert (await guest.book(hall, 2, section="Stalls")).status_code == 201
    assert len(looks) == 1


@pytest.mark.parametrize("wish", [{"section": "Stalls"}, {"kind": "accessible"}])
async def test_general_admission_has_no_parts(guest: User, published: Publish, wish: Json) -> None:
    answer = await guest.book(await published(capacity=5), 1, **wish)
    assert problem(answer) == (422, "invalid-request")


async def test_a_part_does_not_go_with_chosen_seats(guest: User, hall: Json) -> None:
    answer = await guest.book(hall, seat_ids=[str(uuid4())], section="Stalls")
    assert problem(answer) == (422, "invalid-request")


async def test_taken_seats_come_with_others_nearby(user: MakeUser, guest: User, hall: Json) -> None:
    ids = await seat_ids(guest, hall)
    wanted = [ids["Stalls A2"], ids["Stalls A3"]]
    assert (await user().book(hall, seat_ids=wanted)).status_code == 201
    refused = await guest.book(hall, seat_ids=wanted)
    assert problem(refused) == (409, "seats-unavailable")
    assert refused.json()["seat_ids"] == sorted(wanted)
    names = {seat_id: name for name, seat_id in ids.items()}
    groups = [[names[seat_id] for seat_id in group] for group in refused.json()["alternatives"]]
    # Seats 2 and 3 would leave seat 1 single.
    assert groups[0] == ["Stalls B1", "Stalls B2"]
    assert all(len(group) == 2 for group in groups) and len(groups) == 3
    again = await guest.book(hall, seat_ids=refused.json()["alternatives"][0])
    assert places(again) == groups[0]


async def test_a_crowd_in_several_processes_fills_the_hall(
    app: FastAPI, user: MakeUser, hall: Json, several_desks: None
) -> None:
    """Groups that choose the same seats choose again, and nobody is told of a full hall before it is."""
    answers = await asyncio.gather(*(user().book(hall, 2) for _ in range(30)))
    taken = [place for a in answers if a.status_code == 201 for place in places(a)]
    assert len(taken) == len(set(taken)) == 20
    assert all(problem(a) == (409, "sold-out") for a in answers if a.status_code != 201)


async def test_a_key_of_the_previous_release_is_known_again(
    guest: User, hall: Json, app: FastAPI
) -> None:
    """Its fingerprint named neither section nor kind."""
    first = await guest.book(hall, 2, key="before")
    again = await guest.book(hall, 2, key="before")
    assert again.json() == first.json()
    other = await guest.book(hall, 2, key="before", section="Stalls")
    assert problem(other) == (422, "idempotency-mismatch")

"""What happens when many want the same: with guards nobody loses, and without them these tests see it."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from event_service.bookings.sql import statements
from event_service.rules import IS_FREE
from tests.events.conftest import Publish, User, problem, sections
from tests.events.mutants.rewriting import rewritten

MakeUser = Callable[..., User]

# Within a process the batches of an event come one after another.
pytestmark = pytest.mark.usefixtures("several_desks")

SEATS = 37
CLIENTS = 151


async def jittered(user: User, event: dict[str, Any], **wanted: Any) -> httpx.Response:
    """Requests in lockstep hide races: each comes a little later or earlier."""
    await asyncio.sleep(random.uniform(0, 0.03))
    return await user.book(event, **wanted)


async def sold(app: FastAPI, event_id: str) -> tuple[int, int]:
    """Seats that point to a booking, and tickets of bookings that were not cancelled."""
    async with app.state.database.transaction() as session:
        found = await session.execute(
            text("""
                SELECT (SELECT count(*) FROM seat WHERE event_id = :id AND booking_id IS NOT NULL),
                    (SELECT count(*) FROM ticket JOIN booking ON booking.id = ticket.booking_id
                     WHERE booking.event_id = :id AND booking.status IN ('held', 'confirmed'))
            """),
            {"id": event_id},
        )
        seats, tickets = found.one()
    return seats, tickets


LOCKS = {
    "lock_any_seats": "FOR UPDATE SKIP LOCKED",
    "lock_chosen_seats": "FOR UPDATE OF seat",
    "lock_seats_waiting": "FOR UPDATE OF seat",
}


def look_first_and_take_then(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, lock in LOCKS.items():
        monkeypatch.setattr(statements, name, rewritten(getattr(statements, name), (lock, "")))
    late = "WITH late AS MATERIALIZED (SELECT pg_sleep(0.005)), new_booking AS ("
    unguarded = rewritten(
        statements.insert_bookings,
        ("WITH new_booking AS (", late),
        ("FROM new_ticket JOIN", "FROM late, new_ticket JOIN"),
        (f"AND {IS_FREE}", ""),
    )
    monkeypatch.setattr(statements, "insert_bookings", unguarded)


async def test_general_admission_sells_each_seat_once_and_all_of_them(
    app: FastAPI, user: MakeUser, published: Publish
) -> None:
    event = await published(capacity=SEATS)
    answers = await asyncio.gather(*(jittered(user(), event) for _ in range(CLIENTS)))
    outcome = Counter(
        answer.status_code if answer.status_code == 201 else problem(answer) for answer in answers
    )
    assert outcome == {201: SEATS, (409, "sold-out"): CLIENTS - SEATS}
    assert await sold(app, event["id"]) == (SEATS, SEATS)


async def test_groups_are_refused_only_when_their_number_is_not_to_be_had(
    app: FastAPI, user: MakeUser, published: Publish
) -> None:
    event = await published(capacity=SEATS)
    answers = await asyncio.gather(
        *(jittered(user(), event, quantity=random.randint(1, 4)) for _ in range(CLIENTS))
    )
    booked = sum(len(a.json()["seats"]) for a in answers if a.status_code == 201)
    assert {a.status_code for a in answers} == {201, 409}
    assert booked == SEATS
    assert await sold(app, event["id"]) == (SEATS, SEATS)


async def test_a_chosen_seat_goes_to_one_of_those_who_want_it(
    app: FastAPI, user: MakeUser, published: Publish
) -> None:
    plan = sections(("Stalls", "A", 7))
    event = await published(seating={"kind": "assigned", "sections": plan})
    seats = (await user().get(f"/events/{event['id']}/seats")).json()
    ids = [seat["id"] for seat in seats["sections"][0]["rows"][0]["seats"]]
    wishes = [random.sample(ids, 2) for _ in range(60)]
    answers = await asyncio.gather(*(jittered(user(), event, seat_ids=w) for w in wishes))
    taken = [seat["id"] for a in answers if a.status_code == 201 for seat in a.json()["seats"]]
    assert len(taken) == len(set(taken))
    assert {a.status_code for a in answers} <= {201, 409}
    assert await sold(app, event["id"]) == (len(taken), len(taken))


@pytest.mark.by_chance
@pytest.mark.parametrize("seating", ["general", "assigned"])
async def test_control_without_guards_seats_are_sold_twice(
    app: FastAPI,
    user: MakeUser,
    published: Publish,
    seating: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If this fails, the tests above show nothing."""
    look_first_and_take_then(monkeypatch)
    if seating == "general":
        event = await published(capacity=SEATS)
        wishes: list[dict[str, object]] = [{"quantity": 1}] * CLIENTS
    else:
        plan = sections(("Stalls", "A", 3))
        event = await published(seating={"kind": "assigned", "sections": plan})
        seats = (await user().get(f"/events/{event['id']}/seats")).json()
        ids = [seat["id"] for seat in seats["sections"][0]["rows"][0]["seats"]]
        wishes = [{"seat_ids": ids}] * 20
    await asyncio.gather(*(jittered(user(), event, **wish) for wish in wishes))
    _, tickets = await sold(app, event["id"])
    assert tickets > event["capacity"]


async def test_one_key_from_twenty_connections_is_one_booking(
    app: FastAPI, guest: User, published: Publish
) -> None:
    event = await published(capacity=SEATS)
    answers = await asyncio.gather(*(jittered(guest, event, key="the-key") for _ in range(20)))
    assert {a.status_code for a in answers} <= {201, 409}
    assert len({a.json()["id"] for a in answers if a.status_code == 201}) == 1
    assert all(problem(a)[1] == "request-in-progress" for a in answers if a.status_code == 409)
    assert await sold(app, event["id"]) == (1, 1)


async def test_the_limit_per_person_holds_for_requests_at_once(
    app: FastAPI, guest: User, published: Publish
) -> None:
    event = await published(capacity=SEATS, max_seats_per_user=5)
    answers = await asyncio.gather(*(jittered(guest, event) for _ in range(20)))
    assert Counter(a.status_code for a in answers) == {201: 5, 409: 15}
    assert await sold(app, event["id"]) == (5, 5)


async def test_a_cancelled_event_cannot_gain_a_booking(
    app: FastAPI, organizer: User, user: MakeUser, published: Publish
) -> None:
    event = await published(capacity=SEATS)

    async def cancel() -> None:
        await asyncio.sleep(0.02)
        answer = await organizer.post(f"/events/{event['id']}/cancel")
        assert answer.status_code == 200

    await asyncio.gather(cancel(), *(jittered(user(), event) for _ in range(60)))
    assert await sold(app, event["id"]) == (0, 0)


async def test_booking_and_cancelling_at_once_lose_no_seat(
    app: FastAPI, user: MakeUser, published: Publish
) -> None:
    event = await published(capacity=5)

    async def come_and_go() -> None:
        someone = user()
        for _ in range(4):
            answer = await jittered(someone, event, quantity=random.randint(1, 3))
            if answer.status_code == 201:
                done = await someone.post(f"/bookings/{answer.json()['id']}/cancel")
                assert done.status_code == 200
            else:
                assert problem(answer) == (409, "sold-out")

    await asyncio.gather(*(come_and_go() for _ in range(20)))
    assert await sold(app, event["id"]) == (0, 0)
    availability = (await user().get(f"/events/{event['id']}/availability")).json()
    assert availability == {"capacity": 5, "available": 5, "held": 0, "booked": 0}


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_of_edits_at_once_one_is_based_on_the_present_version(
    organizer: User, published: Publish, is_guarded: bool
) -> None:
    """Whoever lost the race is told so. Without a version nobody is: the control."""
    event = await published()
    url = f"/events/{event['id']}"
    based_on = {"If_Match": (await organizer.get(url)).headers["etag"]} if is_guarded else {}
    answers = await asyncio.gather(
        *(organizer.patch(url, {"title": f"Title {number}"}, **based_on) for number in range(8))
    )
    told = Counter(answer.status_code for answer in answers)
    assert told == ({200: 1, 412: 7} if is_guarded else {200: 8})
    [*_, won] = [answer.json()["title"] for answer in answers if answer.status_code == 200]
    if is_guarded:
        assert (await organizer.get(url)).json()["title"] == won

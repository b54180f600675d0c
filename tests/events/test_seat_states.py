"""The states of seats as letters: those of the map, small, and read once a second for a crowd."""

import asyncio
import gzip
import random
import time
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from event_service.events import seat_states
from event_service.events.seat_states import SeatStatesCache
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, problem
from tests.events.test_hall_plans import assigned, plan, seat_ids
from tests.events.test_holds import let_lapse

LETTERS = {"free": "f", "held": "h", "booked": "b", "blocked": "x"}


@pytest.fixture
def always_read(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept."""
    monkeypatch.setattr(seat_states, "MAX_AGE_SECONDS", 0.0)


async def states_of(client: User | httpx.AsyncClient, event: Json) -> str:
    answer = await client.get(f"/events/{event['id']}/seats/states")
    assert answer.status_code == 200, answer.text
    states: str = answer.json()["states"]
    return states


async def states_of_map(client: User, event: Json) -> str:
    shown = (await client.get(f"/events/{event['id']}/seats")).json()
    return "".join(
        LETTERS[seat["state"]]
        for section in shown["sections"] for row in section["rows"] for seat in row["seats"]
    )  # fmt: skip


@pytest.mark.usefixtures("always_read")
async def test_the_letters_are_the_states_of_the_map(
    published: Publish, organizer: User, guest: User, app: FastAPI
) -> None:
    event = await published(seating=assigned(A=["sx_sa", 3], B=["xs"]), max_seats_per_user=9)
    ids = await seat_ids(guest, event)
    assert await states_of(guest, event) == "fxfffffxf"
    await guest.book(event, seat_ids=[ids["A", "1", 3], ids["B", "1", 2]])
    await guest.book(event, seat_ids=[ids["A", "1", 4]], hold=True)
    hold = await guest.book(event, seat_ids=[ids["A", "2", 1]], hold=True)
    await let_lapse(app, hold.json())
    assert await states_of(guest, event) == "fxbhfffxb" == await states_of_map(guest, event)
    # Another order of sections, and of rows.
    turned = plan(B=["xs"], A=["sx_sa", 3])
    await organizer.patch(f"/events/{event['id']}", {"sections": turned})
    assert await states_of(guest, event) == "xbfxbhfff" == await states_of_map(guest, event)


async def test_general_admission_has_no_letters(published: Publish, guest: User) -> None:
    assert await states_of(guest, await published(capacity=3)) == ""


@pytest.mark.alone
async def test_a_change_is_seen_within_a_second(published: Publish, guest: User) -> None:
    event = await published(seating=assigned(A=[2]))
    assert await states_of(guest, event) == "ff"
    await guest.book(event, seat_ids=[(await seat_ids(guest, event))["A", "1", 1]])
    booked_at = time.monotonic()
    while await states_of(guest, event) != "bf":
        assert time.monotonic() - booked_at < 1.5
        await asyncio.sleep(0.05)


async def test_a_crowd_costs_one_query(
    published: Publish, guest: User, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await published(seating=assigned(A=[2]))
    reads = 0
    read = SeatStatesCache._read

    async def counted(self: SeatStatesCache, event_id: UUID) -> seat_states.SeatStates:
        nonlocal reads
        reads += 1
        return await read(self, event_id)

    monkeypatch.setattr(SeatStatesCache, "_read", counted)
    monkeypatch.setattr(seat_states, "MAX_AGE_SECONDS", 60.0)
    await asyncio.gather(*(states_of(guest, event) for _ in range(50)))
    await states_of(guest, event)
    assert reads == 1
    monkeypatch.setattr(seat_states, "MAX_AGE_SECONDS", 0.0)
    app.state.seat_states._entries.clear()
    await states_of(guest, event)
    await states_of(guest, event)
    assert reads == 3


@pytest.mark.usefixtures("always_read")
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_who_has_them_already_is_told_so(
    published: Publish, guest: User, encoding: str
) -> None:
    event = await published(seating=assigned(A=[2]))
    url, accept = f"/events/{event['id']}/seats/states", {"Accept-Encoding": encoding}
    first = await guest.http.get(url, headers=accept)
    assert first.json() == {"version": event["version"], "states": "ff"}
    assert first.headers.get("Content-Encoding", "identity") == encoding
    assert "Accept-Encoding" in first.headers["Vary"]
    again = await guest.http.get(url, headers=accept | {"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    await guest.book(event, seat_ids=[(await seat_ids(guest, event))["A", "1", 1]])
    changed = await guest.http.get(url, headers=accept | {"If-None-Match": first.headers["ETag"]})
    assert changed.json()["states"] == "bf"


async def test_a_draft_is_its_organizers(
    organizer: User, guest: User, anybody: httpx.AsyncClient
) -> None:
    draft = (await organizer.post("/events", event_body(seating=assigned(A=["sx"])))).json()
    # The organizer's look is kept for nobody else.
    assert await states_of(organizer, draft) == "fx"
    for client in (guest, anybody):
        answer = await client.get(f"/events/{draft['id']}/seats/states")
        assert problem(answer) == (404, "not-found")
    nowhere = await anybody.get(f"/events/{guest.id}/seats/states")
    assert problem(nowhere) == (404, "not-found")


async def test_the_states_of_5000_seats_are_small(
    published: Publish, anybody: httpx.AsyncClient, app: FastAPI
) -> None:
    event = await published(seating=assigned(A=[50] * 100))
    states = {"id": UUID(event["id"]), "numbers": random.sample(range(1, 5_001), 2_500)}
    async with app.state.database.transaction() as session:
        # Who holds them does not matter here.
        await session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
        await session.execute(
            text("""
                WITH booked AS (
                    INSERT INTO booking
                        (id, event_id, user_id, status, quantity, total, currency, created_at)
                    VALUES (:id, :id, :id, 'confirmed', 2500, 0, 'EUR', now())
                )
                UPDATE seat SET booking_id = :id WHERE event_id = :id AND position = ANY(:numbers)
            """),
            states,
        )
    answer = await anybody.get(
        f"/events/{event['id']}/seats/states", headers={"Accept-Encoding": "gzip"}
    )
    assert answer.json()["states"].count("b") == 2_500
    assert int(answer.headers["Content-Length"]) < 5_000
    assert len(gzip.compress(answer.content)) < 5_000


async def test_what_is_published_is_seen_at_once(
    organizer: User, guest: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seat_states, "MAX_AGE_SECONDS", 60.0)
    draft = (await organizer.post("/events", event_body(seating=assigned(A=[2])))).json()
    for part in ("states", "plan"):
        url = f"/events/{draft['id']}/seats/{part}"
        assert (await organizer.get(url)).status_code == 200
    await organizer.post(f"/events/{draft['id']}/publish")
    for part in ("states", "plan"):
        assert (await guest.get(f"/events/{draft['id']}/seats/{part}")).status_code == 200

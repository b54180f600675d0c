"""Deadlocks, each forced: one is no longer possible, and the victim of any other begins again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from event_service.bookings import allocation
from event_service.bookings import cancel as cancelling
from event_service.bookings import create
from event_service.bookings.sql import statements
from tests.events.conftest import Json, Publish, User, problem
from tests.events.mutants.rewriting import rewritten
from tests.events.waitlist import MakeUser, join

PAUSE = 20_261_125


class Other:
    """Somebody else's transaction, in which the test locks what it likes."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.connection = connection

    async def lock(self, table: str, **key: Any) -> None:
        where = " AND ".join(f"{name} = ${i}" for i, name in enumerate(key, start=1))
        await self.connection.execute(
            f"SELECT FROM {table} WHERE {where} FOR UPDATE", *key.values()
        )

    async def somebody_waits(self, condition: str) -> None:
        """Until somebody waits for such a lock."""
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            f" AND datname = current_database() AND wait_event {condition}"
        )
        while not await self.connection.fetchval(waiting):
            await asyncio.sleep(0.005)
            # What this transaction has read of the statistics it would read again.
            await self.connection.execute("SELECT pg_stat_clear_snapshot()")


@asynccontextmanager
async def another(app: FastAPI) -> AsyncIterator[Other]:
    """It waits longer than anybody for a deadlock to show, so that it is never the victim."""
    url = app.state.settings.database_url.get_secret_value().replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET deadlock_timeout = '60s'")
        async with connection.transaction():
            yield Other(connection)
    finally:
        await connection.close()


async def pause_before_locking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes any seats has chosen them, and waits before it locks the first."""
    look = "WHERE event_id = :event_id AND booking_id IS NULL"
    paused = f"{look} AND (SELECT pg_advisory_xact_lock_shared({PAUSE})) IS NOT NULL"
    changed = rewritten(statements.lock_any_seats, (look, paused))
    monkeypatch.setattr(statements, "lock_any_seats", changed)


take_seats = allocation.take_seats


async def go_on_with_what_they_have(*arguments: Any, waits: bool) -> Any:
    """The old way: an empty answer was taken for a transaction that holds nothing."""
    taken = await take_seats(*arguments, waits=waits)
    return taken or await take_seats(*arguments, waits=True)


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_nobody_waits_for_seats_with_locks_that_an_empty_answer_has_left(
    app: FastAPI,
    published: Publish,
    guest: User,
    user: MakeUser,
    several_desks: None,
    monkeypatch: pytest.MonkeyPatch,
    deadlocks: list[BaseException],
    is_guarded: bool,
) -> None:
    """Of two seats one is locked by somebody who will want the other too, as who chooses both does.
    The guest has chosen that other one, and it is booked before the guest locks it."""
    event = await published(capacity=2)
    first, second = await _seat_ids(app, event)
    await pause_before_locking(monkeypatch)
    if not is_guarded:
        monkeypatch.setattr(create, "take_seats", go_on_with_what_they_have)
    async with another(app) as door, another(app) as chooser:
        await door.connection.execute(f"SELECT pg_advisory_lock({PAUSE})")
        await chooser.lock("seat", id=first)
        taking = asyncio.create_task(guest.book(event))
        await chooser.somebody_waits("= 'advisory'")
        taken = await user().book(event, seat_ids=[str(second)])
        assert taken.status_code == 201
        await door.connection.execute(f"SELECT pg_advisory_unlock({PAUSE})")
        await chooser.somebody_waits("<> 'advisory'")
        await chooser.lock("seat", id=second)
    answer = await taking
    assert answer.status_code == 201
    assert bool(deadlocks) != is_guarded


async def _seat_ids(app: FastAPI, event: Json) -> tuple[UUID, UUID]:
    async with another(app) as reader:
        found = await reader.connection.fetch(
            "SELECT id FROM seat WHERE event_id = $1 ORDER BY id", UUID(event["id"])
        )
    first, second = (row["id"] for row in found)
    return first, second


Act = Callable[["Scene"], Awaitable[httpx.Response | None]]


class Scene:
    """A guest with a booking, a hold and a place in the line of an event, each of which can be the
    thing that a deadlock is about."""

    def __init__(self, app: FastAPI, organizer: User, guest: User, event: Json) -> None:
        self.app = app
        self.organizer = organizer
        self.guest = guest
        self.event = event
        self.url = f"/events/{event['id']}"
        self.booked: Json = {}
        self.held: Json = {}

    async def begin(self) -> None:
        self.booked = (await self.guest.book(self.event)).json()
        self.held = (await self.guest.book(self.event, hold=True)).json()

    @property
    def ticket(self) -> str:
        return str(self.booked["seats"][0]["ticket_code"])


async def confirm(scene: Scene) -> httpx.Response:
    return await scene.guest.post(f"/bookings/{scene.held['id']}/confirm")


async def cancel(scene: Scene) -> httpx.Response:
    return await scene.guest.post(f"/bookings/{scene.booked['id']}/cancel")


async def check_in(scene: Scene) -> httpx.Response:
    return await scene.organizer.post(f"{scene.url}/check-ins", {"ticket_code": scene.ticket})


async def undo(scene: Scene) -> httpx.Response:
    return await scene.organizer.delete(f"{scene.url}/check-ins/{scene.ticket}")


async def leave(scene: Scene) -> httpx.Response:
    return await scene.guest.delete(f"{scene.url}/waitlist")


@pytest.mark.parametrize(
    ("act", "first", "then"),
    [
        # What the other has locked already, and what it wants then: the other way round than all.
        (confirm, ("seat", "held"), ("booking", "held")),
        (cancel, ("seat", "booked"), ("booking", "booked")),
        (check_in, ("ticket", "booked"), ("booking", "booked")),
        (undo, ("ticket", "booked"), ("booking", "booked")),
        (leave, ("seat_allowance", ""), ("event", "")),
    ],
)
async def test_the_victim_of_any_deadlock_begins_again(
    app: FastAPI,
    organizer: User,
    guest: User,
    published: Publish,
    deadlocks: list[BaseException],
    act: Act,
    first: tuple[str, str],
    then: tuple[str, str],
) -> None:
    scene = Scene(app, organizer, guest, await published(capacity=2))
    await scene.begin()
    if act is leave:
        await join(guest, scene.event, 1)
    async with another(app) as other:
        await _lock(other, scene, *first)
        acting = asyncio.ensure_future(act(scene))
        await other.somebody_waits("<> 'advisory'")
        await _lock(other, scene, *then)
    answer = await acting
    if answer is not None:
        assert answer.status_code in (200, 204), answer.text
    # On a busy machine it may lock the second again before the other one has woken, and lose once more.
    assert deadlocks


async def _lock(other: Other, scene: Scene, table: str, name: str) -> None:
    event_id, of = UUID(scene.event["id"]), getattr(scene, name, {}).get("id")
    match table:
        case "event":
            await other.lock("event", id=event_id)
        case "seat_allowance":
            await other.lock("seat_allowance", event_id=event_id, user_id=scene.guest.id)
        case "booking":
            await other.lock("booking", id=UUID(of))
        case _:
            await other.lock(table, booking_id=UUID(of))


async def test_who_loses_every_time_is_asked_to_come_again(
    app: FastAPI, guest: User, published: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await published(capacity=1)
    booked = (await guest.book(event)).json()

    async def lose(*_: Any, **__: Any) -> Any:
        raise asyncpg.exceptions.DeadlockDetectedError("deadlock detected")

    monkeypatch.setattr(cancelling, "lock_booking", lose)
    answer = await guest.post(f"/bookings/{booked['id']}/cancel")
    assert problem(answer) == (503, "unavailable")
    assert answer.headers["retry-after"]

"""Refusals that were true a moment ago, or will be, but are not: seats that come free meanwhile."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from event_service.bookings import expire
from event_service.bookings.expire import expire_holds_of_user
from event_service.settings import Settings
from tests.events.conftest import Json, Publish, User, problem, running
from tests.events.waitlist import join, let_lapse, sweep

TAKE_THE_FREE_SEAT = text("""
    UPDATE seat SET booking_id = :booking_id, held_until = NULL
    WHERE event_id = :event_id AND booking_id IS NULL
""")
WHO_WAITS = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
""")


async def somebody_waits(app: FastAPI) -> None:
    """Returns when a session waits for a lock."""
    async with asyncio.timeout(10):
        while True:
            async with app.state.database.transaction() as session:
                if await session.scalar(WHO_WAITS):
                    return
            await asyncio.sleep(0.01)


async def test_a_hold_that_ends_while_one_waits_for_another_seat_is_found(
    app: FastAPI, guest: User, organizer: User, published: Publish
) -> None:
    """One of two seats was free until the other's hold had ended: at no moment was none."""
    event = await published(capacity=2)
    held = (await organizer.book(event, hold=True)).json()
    async with app.state.database.transaction() as session:
        taking = {"booking_id": UUID(held["id"]), "event_id": UUID(event["id"])}
        await session.execute(TAKE_THE_FREE_SEAT, taking)
        asked = asyncio.create_task(guest.book(event))
        await somebody_waits(app)
        held_seat = held["seats"][0]["id"]
        await _end_hold(app, held_seat)
    answer = await asked
    assert (answer.status_code, answer.json()["seats"][0]["id"]) == (201, held_seat)


async def _end_hold(app: FastAPI, seat_id: str) -> None:
    """Now, which is after whoever waits has begun."""
    async with app.state.database.transaction() as session:
        statement = text("UPDATE seat SET held_until = clock_timestamp() WHERE id = :id")
        await session.execute(statement, {"id": UUID(seat_id)})


@pytest.fixture
async def full_up(app: FastAPI, guest: User, published: Publish) -> Json:
    """An event of which the guest had as many seats as they may, in a hold that is over."""
    event = await published(capacity=2, max_seats_per_user=2)
    await let_lapse(app, (await guest.book(event, 2, hold=True)).json()["id"])
    return event


def sweeping_first(app: FastAPI, work: Any) -> Any:
    async def late(*arguments: Any, **named: Any) -> Any:
        await sweep(app)
        return await work(*arguments, **named)

    return late


async def test_who_finds_their_hold_swept_already_is_not_at_their_limit(
    app: FastAPI, full_up: Json, guest: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweeper came between the look at the limit and the look at one's own holds."""
    monkeypatch.setattr(expire, "expire_holds_of_user", sweeping_first(app, expire_holds_of_user))
    assert (await guest.book(full_up, 2)).status_code == 201


async def test_nor_are_they_when_they_join_the_line(
    app: FastAPI, full_up: Json, user: Any, guest: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await user().book(full_up, 2)).status_code == 201
    monkeypatch.setattr(expire, "expire_holds_of_user", sweeping_first(app, expire_holds_of_user))
    assert (await join(guest, full_up, 2))["status"] == "waiting"


@pytest.mark.parametrize(
    ("table", "answer"),
    [
        ("idempotency_key", (409, "request-in-progress")),
        ("seat_allowance", (503, "unavailable")),
        ("event", (503, "unavailable")),
    ],
)
async def test_a_first_request_is_said_to_run_only_if_its_key_is_waited_for(
    settings: Settings, guest: User, published: Publish, table: str, answer: tuple[int, str]
) -> None:
    event = await published(capacity=2)
    assert (await guest.book(event)).status_code == 201
    ids = {"event": UUID(event["id"]), "guest": guest.id}
    impatient = settings.model_copy(update={"lock_timeout_seconds": 0.2})
    async with running(impatient) as app, app.state.database.transaction() as session:
        await session.execute(text(LOCKS[table]), ids)
        again = User(app, guest.id)
        refused = await again.book(event, key="the-key")
        await again.http.aclose()
        await session.rollback()
    assert problem(refused) == answer


LOCKS = {
    "idempotency_key": """
        INSERT INTO idempotency_key (user_id, key, fingerprint, booking_id, created_at)
        VALUES (:guest, 'the-key', '', :event, now())
    """,
    "seat_allowance": """
        SELECT FROM seat_allowance WHERE event_id = :event AND user_id = :guest FOR UPDATE
    """,
    "event": "SELECT FROM event WHERE id = :event AND organizer_id <> :guest FOR UPDATE",
}

"""Holds end by themselves; who comes later, sweeper or guest, finds the seats free."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from event_service import maintenance
from tests.events.conftest import Publish, User, messages, problem

MakeUser = Callable[..., User]


async def let_lapse(app: FastAPI, booking: dict[str, object]) -> None:
    """Moves the end of a hold into the past, as waiting would."""
    async with app.state.database.transaction() as session:
        for statement in (
            "UPDATE seat SET held_until = now() - interval '1 second' WHERE booking_id = :id",
            "UPDATE booking SET expires_at = now() - interval '1 second' WHERE id = :id",
        ):
            await session.execute(text(statement), {"id": booking["id"]})


async def sweep(app: FastAPI) -> None:
    while await maintenance.sweep_holds(app.state.database, app.state.settings.offer_for):
        pass


@pytest.fixture
async def lapsed(
    app: FastAPI, guest: User, published: Publish
) -> tuple[dict[str, object], dict[str, object]]:
    """An event of two seats, both of them in a hold of the guest's that has just ended."""
    event = await published(capacity=2, max_seats_per_user=2)
    held = (await guest.book(event, 2, hold=True)).json()
    await let_lapse(app, held)
    return event, held


Lapsed = tuple[dict[str, object], dict[str, object]]


async def test_a_hold_says_when_it_ends(guest: User, published: Publish) -> None:
    held = (await guest.book(await published(), hold=True)).json()
    ends, began = (datetime.fromisoformat(held[name]) for name in ("expires_at", "created_at"))
    assert 599 < (ends - began).total_seconds() <= 600


async def test_an_ended_hold_is_free_before_anybody_sweeps(lapsed: Lapsed, user: MakeUser) -> None:
    event, _ = lapsed
    newcomer = user()
    shown = (await newcomer.get(f"/events/{event['id']}/availability")).json()
    assert shown == {"capacity": 2, "available": 2, "held": 0, "booked": 0}
    assert (await newcomer.book(event, 2)).status_code == 201
    assert problem(await user().book(event, 1)) == (409, "sold-out")


async def test_an_ended_hold_cannot_be_confirmed(lapsed: Lapsed, guest: User) -> None:
    _, held = lapsed
    assert (await guest.get(f"/bookings/{held['id']}")).json()["status"] == "expired"
    assert problem(await guest.post(f"/bookings/{held['id']}/confirm")) == (409, "hold-expired")


async def test_an_ended_hold_uses_up_nobodys_limit(lapsed: Lapsed, guest: User) -> None:
    event, _ = lapsed
    assert (await guest.book(event, 2)).status_code == 201


async def test_the_sweeper_tidies_and_tells_once_whoever_has_the_seats(
    app: FastAPI, lapsed: Lapsed, guest: User, user: MakeUser
) -> None:
    event, held = lapsed
    newcomer = user()
    booked = (await newcomer.book(event, 1)).json()
    await sweep(app)
    await sweep(app)
    assert (await guest.get(f"/bookings/{held['id']}")).json()["status"] == "expired"
    assert (await newcomer.get(f"/bookings/{booked['id']}")).json()["status"] == "confirmed"
    shown = (await guest.get(f"/events/{event['id']}/availability")).json()
    assert shown == {"capacity": 2, "available": 1, "held": 0, "booked": 1}
    (told,) = await messages(app, str(event["id"]), "hold-expired")
    assert told["user_id"] == str(guest.id)


async def test_two_sweepers_share_the_work(app: FastAPI, guest: User, published: Publish) -> None:
    event = await published(capacity=6, max_seats_per_user=6)
    for _ in range(6):
        await let_lapse(app, (await guest.book(event, hold=True)).json())
    await asyncio.gather(sweep(app), sweep(app), sweep(app))
    assert len(await messages(app, event["id"], "hold-expired")) == 6
    shown = (await guest.get(f"/events/{event['id']}/availability")).json()
    assert shown["available"] == 6


async def test_a_cancelled_hold_gives_its_seats_back_and_tells_nobody(
    app: FastAPI, guest: User, published: Publish
) -> None:
    event = await published(capacity=2)
    held = (await guest.book(event, 2, hold=True)).json()
    assert (await guest.post(f"/bookings/{held['id']}/cancel")).json()["status"] == "cancelled"
    assert (await guest.book(event, 2)).status_code == 201
    assert await messages(app, event["id"], "booking-cancelled") == []

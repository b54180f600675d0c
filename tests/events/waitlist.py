"""Standing in line, for tests."""

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from sqlalchemy import text

from event_service import maintenance
from tests.events.conftest import Json, User

MakeUser = Callable[..., User]


async def join(user: User, event: Json, quantity: int = 1) -> Json:
    answer = await user.post(f"/events/{event['id']}/waitlist", {"quantity": quantity})
    assert answer.status_code == 201, answer.text
    place: Json = answer.json()
    return place


async def place_of(user: User, event: Json) -> Json:
    answer = await user.get(f"/events/{event['id']}/waitlist")
    assert answer.status_code == 200, answer.text
    place: Json = answer.json()
    return place


async def is_in_line(user: User, event: Json) -> bool:
    return (await user.get(f"/events/{event['id']}/waitlist")).status_code == 200


async def cancel(user: User, booking: Json) -> None:
    answer = await user.post(f"/bookings/{booking['id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")


async def change(app: FastAPI, statement: str, **values: Any) -> None:
    async with app.state.database.transaction() as session:
        await session.execute(text(statement), values)


async def let_lapse(app: FastAPI, booking_id: str) -> None:
    for statement in (
        "UPDATE seat SET held_until = now() - interval '1 second' WHERE booking_id = :id",
        "UPDATE booking SET expires_at = now() - interval '1 second' WHERE id = :id",
    ):
        await change(app, statement, id=booking_id)


async def sweep(app: FastAPI) -> None:
    while await maintenance.sweep_holds(app.state.database, app.state.settings.offer_for):
        pass


async def rows(app: FastAPI, statement: str, **values: Any) -> list[Any]:
    async with app.state.database.transaction() as session:
        return list((await session.execute(text(statement), values)).all())


async def find_forgotten(app: FastAPI, event: Json) -> Any:
    """Free seats and the smallest group in line, if it fits; None if nobody is forgotten."""
    found = await rows(
        app,
        """
        SELECT free, smallest
        FROM (SELECT count(*) AS free FROM seat WHERE event_id = :id AND booking_id IS NULL) AS f,
            (SELECT min(quantity) AS smallest FROM waitlist_entry
             WHERE event_id = :id AND booking_id IS NULL) AS s
        WHERE free >= smallest
        """,
        id=event["id"],
    )
    return found[0] if found else None


async def fill(event: Json, people: list[User]) -> list[Json]:
    answers = await asyncio.gather(*(someone.book(event) for someone in people))
    assert {answer.status_code for answer in answers} == {201}
    return [answer.json() for answer in answers]


async def join_somehow(someone: User, event: Json, quantity: int) -> int:
    answer = await someone.post(f"/events/{event['id']}/waitlist", {"quantity": quantity})
    return answer.status_code


SoldOut = tuple[Json, User, Json]

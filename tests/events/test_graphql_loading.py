"""A query asks the database no more often for many rows than for few, on one connection at a time."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import event as sqlalchemy_event

from event_service.settings import Settings
from service_kit.ids import new_id
from tests.events.conftest import Publish, User, running, sections
from tests.events.test_graphql import BOOKINGS, LIST, data

POOL_SIZE = 10
CROWD = 64


_seen: ContextVar[list[str] | None] = ContextVar("seen", default=None)


@contextmanager
def statements(app: FastAPI) -> Iterator[list[str]]:
    """What is sent to the database from here; others of the same application may have left work."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if _seen.get() is seen:
            seen.append(statement)

    engine = app.state.database.engine.sync_engine
    sqlalchemy_event.listen(engine, "before_cursor_execute", note)
    here = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(here)
        sqlalchemy_event.remove(engine, "before_cursor_execute", note)


@contextmanager
def most_connections(app: FastAPI) -> Iterator[list[int]]:
    """How many connections were in use at once, at each time that one was taken."""
    pool = app.state.database.engine.sync_engine.pool
    used: list[int] = []

    def note(*_: Any) -> None:
        used.append(pool.checkedout())

    sqlalchemy_event.listen(pool, "checkout", note)
    try:
        yield used
    finally:
        sqlalchemy_event.remove(pool, "checkout", note)


async def test_a_list_asks_as_often_for_a_hundred_as_for_two(
    app: FastAPI, anybody: httpx.AsyncClient, published: Publish
) -> None:
    few, many = f"City {new_id()}", f"City {new_id()}"
    for city, amount in ((few, 2), (many, 100)):
        for _ in range(amount):
            await published(city=city, capacity=2)
    counts = []
    for city, amount in ((few, 2), (many, 100)):
        with statements(app) as seen:
            page = (await data(anybody, LIST, city=city, first=100))["events"]
        assert [event["availability"]["capacity"] for event in page["items"]] == [2] * amount
        counts.append(len(seen))
    # The page, and the counts of all its events.
    assert counts == [2, 2]


async def test_bookings_load_their_events_together(
    app: FastAPI, guest: User, published: Publish
) -> None:
    counts = []
    for bookings in (1, 12):
        for _ in range(bookings):
            await guest.book(await published(capacity=2))
        with statements(app) as seen:
            found = (await data(guest.http, BOOKINGS))["viewer"]["bookings"]["items"]
        assert all(item["event"]["availability"]["booked"] == 1 for item in found)
        counts.append((len(found), len(seen)))
    # Bookings, their tickets, their events, and what those have free.
    assert counts == [(1, 4), (13, 4)]


async def test_seat_maps_are_loaded_together(
    app: FastAPI, anybody: httpx.AsyncClient, published: Publish
) -> None:
    seating = {"kind": "assigned", "sections": sections(("Stalls", "A", 2))}
    city = f"City {new_id()}"
    for _ in range(2):
        await published(city=city, seating=seating)
    query = """query Maps($city: String!) { events(city: $city, first: 2) {
        items { seats { sections { rows { seats { number } } } } }
    } }"""
    with statements(app) as seen:
        found = await data(anybody, query, city=city)
    seat_map = {"sections": [{"rows": [{"seats": [{"number": 1}, {"number": 2}]}]}]}
    assert found["events"]["items"] == [{"seats": seat_map}] * 2
    assert len(seen) == 2


MANY_FIELDS = """
    query Many($id: ID!, $city: String!) {
        viewer { bookings { items { id event { id availability { booked } } } } }
        event(id: $id) { id availability { available } seats { sections { name } } }
        one: events(city: $city, first: 1) { items { id availability { available } } }
        two: events(city: $city, first: 2) { items { id availability { available } } }
        three: events(city: $city, q: "concert") { items { id } }
    }
"""


async def test_a_query_of_many_fields_has_one_connection(
    app: FastAPI, guest: User, published: Publish
) -> None:
    event = await published(city=f"City {new_id()}")
    await guest.book(event)
    with most_connections(app) as used:
        await data(guest.http, MANY_FIELDS, id=event["id"], city=event["city"])
    assert len(used) > 3
    assert max(used) == 1


async def test_a_crowd_does_not_run_out_of_connections(
    settings: Settings, published: Publish
) -> None:
    event = await published(city=f"City {new_id()}")
    few = settings.model_copy(
        update={"database_pool_size": POOL_SIZE, "database_pool_timeout_seconds": 20}
    )
    async with running(few) as app:
        crowd = [User(app, new_id()) for _ in range(CROWD)]
        with most_connections(app) as used:
            async with asyncio.timeout(60):
                answers = await asyncio.gather(
                    *(
                        data(one.http, MANY_FIELDS, id=event["id"], city=event["city"])
                        for one in crowd
                    )
                )
        for one in crowd:
            await one.http.aclose()
    assert [answer["event"]["id"] for answer in answers] == [event["id"]] * CROWD
    assert max(used) == POOL_SIZE

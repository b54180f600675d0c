"""Queries that want too much. Each limit lets the same query pass once it is raised."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from event_service.graphql.limits import MAX_TIMES_A_NAME
from event_service.graphql.schema import Query
from event_service.settings import Settings
from tests.events.conftest import Publish, User, problem, running, sections
from tests.events.test_graphql import ask, data, errors


@asynccontextmanager
async def client_of(settings: Settings, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with running(settings.model_copy(update=changes)) as app:
        transport = httpx.ASGITransport(app, client=("192.0.2.78", 7778))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost/api/v1"
        ) as client:
            yield client


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The fields of the root whose work has begun."""
    seen: list[str] = []
    for field in Query.__strawberry_definition__.fields:  # type: ignore[attr-defined]
        resolve = field.base_resolver.wrapped_func

        def noted(*args: Any, name: str = field.name, resolve: Any = resolve, **more: Any) -> Any:
            seen.append(name)
            return resolve(*args, **more)

        monkeypatch.setattr(field.base_resolver, "wrapped_func", noted)
    return seen


def aliases(number: int) -> str:
    return "{" + " ".join(f"a{n}: events(first: 1) {{ nextCursor }}" for n in range(number)) + "}"


DEEPEST = """{ viewer { bookings(first: 1) { items { event { seats { sections { rows { seats { state
               } } } } } } } } }"""
SHALLOW_IN_FRAGMENTS = """
    { ...a } fragment a on Query { ...b } fragment b on Query { ...c }
    fragment c on Query { events { nextCursor } }
"""
EVERYTHING = """{ events(first: 100) { items { id title venue availability { available } } } }"""


@pytest.mark.parametrize(
    ("query", "setting", "refused_at", "passes_at", "code"),
    [
        (DEEPEST, "graphql_max_depth", 8, 9, "query-too-large"),
        (SHALLOW_IN_FRAGMENTS, "graphql_max_depth", 4, 5, "query-too-large"),
        (aliases(16), "graphql_max_aliases", 15, 16, "query-too-large"),
        (EVERYTHING, "graphql_max_cost", 700, 701, "query-too-large"),
        (aliases(3), "graphql_max_tokens", 34, 35, "invalid-request"),
        (aliases(3), "graphql_max_characters", len(aliases(3)) - 1, len(aliases(3)),
         "query-too-large"),
    ],
)  # fmt: skip
async def test_a_limit_refuses_a_query_that_passes_when_it_is_raised(
    settings: Settings,
    resolved: list[str],
    query: str,
    setting: str,
    refused_at: int,
    passes_at: int,
    code: str,
) -> None:
    async with client_of(settings, **{setting: refused_at}) as client:
        body = await ask(client, query)
        assert body["data"] is None
        assert errors(body) == [(code, 422)], body
        assert resolved == []
    async with client_of(settings, **{setting: passes_at}) as client:
        body = await ask(client, query)
        assert body["data"] is not None, body
        assert resolved != []


async def test_a_name_stands_so_many_times_in_a_query(
    anybody: httpx.AsyncClient, resolved: list[str]
) -> None:
    """Validation compares each of them with each other one."""
    query = "{ events(first: 1) { %s } }"
    assert await data(anybody, query % ("nextCursor " * MAX_TIMES_A_NAME))
    resolved.clear()
    body = await ask(anybody, query % ("nextCursor " * (MAX_TIMES_A_NAME + 1)))
    assert errors(body) == [("query-too-large", 422)]
    assert resolved == []


async def test_rows_that_a_variable_asks_for_count_as_well(settings: Settings) -> None:
    query = "query L($n: Int! = 2) { events(first: $n) { items { id } } }"
    # The page, its rows, and what they show.
    async with client_of(settings, graphql_max_cost=30) as client:
        await data(client, query)
        await data(client, query, n=9)
        assert errors(await ask(client, query, n=10)) == [("query-too-large", 422)]
        for nonsense in (-(10**6), 10**9, "100", None):
            assert errors(await ask(client, query, n=nonsense)) == [("query-too-large", 422)]


async def test_seat_maps_of_many_events_are_too_much_at_once(anybody: httpx.AsyncClient) -> None:
    query = """query Maps($n: Int!) { events(first: $n) {
        items { seats { sections { rows { seats { id number state } } } } }
    } }"""
    await data(anybody, query, n=2)
    assert errors(await ask(anybody, query, n=3)) == [("query-too-large", 422)]


async def test_a_large_seat_map_is_left_to_rest(settings: Settings, published: Publish) -> None:
    event = await published(
        seating={"kind": "assigned", "sections": sections(("Stalls", "A", 4), ("Stalls", "B", 3))}
    )
    query = """query One($id: ID!) { event(id: $id) {
        title seats { sections { rows { seats { id } %s } } }
    } }"""
    async with client_of(settings, graphql_max_seats=6) as client:
        body = await ask(client, query % "", id=event["id"])
    assert body["data"]["event"] == {"title": event["title"], "seats": None}
    assert errors(body) == [("query-too-large", 422)]
    async with client_of(settings, graphql_max_seats=7) as client:
        await data(client, query % "", id=event["id"])
        # The second name for the same seats makes as much work as the first.
        body = await ask(client, query % "again: seats { id }", id=event["id"])
        assert set(errors(body)) == {("query-too-large", 422)}


async def test_seats_of_bookings_count_as_well(
    settings: Settings, guest: User, published: Publish
) -> None:
    event = await published()
    await guest.book(event, quantity=3)
    query = "{ viewer { bookings { items { seats { id } } } } }"
    for limit, is_refused in ((2, True), (3, False)):
        async with client_of(settings, graphql_max_seats=limit) as client:
            client.headers["Authorization"] = guest.http.headers["Authorization"]
            assert ("errors" in await ask(client, query)) == is_refused


async def test_queries_have_a_rate_limit_of_their_own(settings: Settings) -> None:
    async with client_of(settings, rate_limit_enabled=True, graphql_rate_limit="2/hour") as client:
        for remaining in ("1", "0"):
            answer = await client.post("/graphql", json={"query": "{ __typename }"})
            assert answer.headers["x-ratelimit-remaining"] == remaining
        refused = await client.post("/graphql", json={"query": "{ __typename }"})
        assert problem(refused) == (429, "rate-limited")

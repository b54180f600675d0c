"""Queries that mean harm, and what breaks, are errors in safe words and never a crash."""

import json
from typing import Any

import httpx
import pytest
import sentry_sdk

from event_service.events import lists, queries
from service_kit.ids import new_id
from tests.events.conftest import Json, Publish
from tests.events.test_graphql import ask, data, errors
from tests.events.test_graphql_limits import aliases

INTROSPECTION = "{ __schema { types { name fields { name type { name ofType { name } } } } } }"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """What Sentry was told."""
    seen: list[BaseException] = []
    monkeypatch.setattr(sentry_sdk, "capture_exception", seen.append)
    return seen


def doubled(fragments: int) -> str:
    """Each fragment uses the next one twice: a query of few bytes, unfolded a very large one."""
    chain = " ".join(
        f"fragment f{n} on Query {{ ...f{n + 1} x{n}: viewer {{ __typename }} ...f{n + 1} }}"
        for n in range(fragments)
    )
    return f"{{ ...f0 }} {chain} fragment f{fragments} on Query {{ y: viewer {{ __typename }} }}"


@pytest.mark.parametrize(
    "query",
    [
        "{" + "a{" * 2_000 + "b" + "}" * 2_000 + "}",
        "{ viewer { " + "... { " * 60 + "__typename" + " }" * 60 + " } }",
        "{ events(q: " + "[" * 900 + "]" * 900 + ") { nextCursor } }",
        aliases(2_000),
        "{" + "events { nextCursor } " * 120 + "}",
        "{ __typename " + "@include(if: true) " * 70 + "}",
        "{ __typename " + "@unknown " * 200 + "}",
        "{" + "__typename " * 450 + "}",
        doubled(11),
        doubled(60),
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
        "{ ...a } fragment a on Query { ...a ...a }",
        "{ ...missing }",
        "{ ...f0 }"
        + "".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(9))
        + "fragment f9 on Query { }",
        "{ viewer " * 11 + "}" * 11,
        "# " + "x" * 9_990,
        "#\n" * 4_900 + "{ __typename }",
        '{ events(q: "' + "x" * 9_000 + '") { nextCursor } }',
        '{ events(q: "\\ud800") { nextCursor } }',
        '{ events(q: "\\u0000") { nextCursor } }',
        '{ events(q: "\x00") { nextCursor } }',
        "{ events(first: " + "9" * 5_000 + ") { nextCursor } }",
        "{ events(q: " + "-" + "9" * 5_000 + ") { nextCursor } }",
        "query($n: Int! = " + "9" * 5_000 + ") { events(first: $n) { nextCursor } }",
        "{ events(first: 1e400) { nextCursor } }",
        "{ events(first: 1e" + "9" * 5_000 + ") { nextCursor } }",
        "{ events(first: null) { nextCursor } }",
        "query($a: [[[[String]]]] = [[[[]]]]) { events(q: $a) { nextCursor } }",
        "query A { __typename } query B { __typename }",
        "mutation { __typename }",
        "subscription { __typename }",
        "type Query { x: Int }",
        "{ }",
        "{",
        " ",
        "\ufeff",
        "{ __typename @defer ... @defer { viewer { __typename } } }",
        "{ e: event(id: 1) { id ...on Booking { id } } }",
        "{ event(id: 1) { id } event(id: 2) { id } }",
        INTROSPECTION.replace("name ofType", "fields { type { fields { type { name } } } } ofType"),
    ],
)
async def test_a_hostile_query_is_an_error_of_its_sender(
    anybody: httpx.AsyncClient, told: list[BaseException], query: str
) -> None:
    answer = await anybody.post("/graphql", json={"query": query})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    if "errors" in body:
        assert all(400 <= status < 500 for _, status in errors(body)), body
    else:
        # Harmless after all.
        assert query.startswith(("{events", "{__typename ", "{ ...f0 }", "#", "{ }"))
    assert len(answer.content) < 100_000
    assert told == []


ARGUMENTS = "query L($q: String, $city: String, $from: DateTime, $to: DateTime, $n: Int! = 20,"
ARGUMENTS += """ $after: String) {
    events(q: $q, city: $city, startsFrom: $from, startsTo: $to, first: $n, after: $after) {
        nextCursor
    }
}"""


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        ({"n": 0}, "first"),
        ({"n": -1}, "first"),
        ({"n": 101}, "first"),
        ({"n": 10**9}, "first"),
        ({"q": "\x00"}, "q"),
        ({"q": "x" * 201}, "q"),
        ({"city": "a\nb"}, "city"),
        ({"from": "yesterday"}, "startsFrom"),
        ({"from": "0001-01-01T00:00:00Z"}, "startsFrom"),
        ({"to": "9999-12-31T23:59:59-14:00"}, "startsTo"),
        ({"to": "2027-01-01T00:00:00"}, "startsTo"),
        ({"after": "abc"}, "after"),
        ({"after": "\x00"}, "after"),
        ({"after": "a" * 501}, "after"),
        ({"after": "WyJzdGFydHNfYXQiLCAxLCAyXQ"}, "after"),
        ({"n": 10**10}, None),
        ({"n": 10**30}, None),
        ({"n": 1.5}, None),
        ({"n": True}, None),
        ({"n": "1"}, None),
        ({"n": [1]}, None),
        ({"q": {"x": 1}}, None),
        ({"q": ["x"]}, None),
        ({"from": 1}, None),
        ({"from": {}}, None),
    ],
)
async def test_an_argument_that_makes_no_sense_is_refused(
    anybody: httpx.AsyncClient, variables: Json, field: str | None
) -> None:
    body = await ask(anybody, ARGUMENTS, **variables)
    assert errors(body) == [("invalid-request", 422)], body
    named = [entry["field"] for entry in body["errors"][0]["extensions"].get("errors", ())]
    assert named == ([field] if field else [])


@pytest.mark.parametrize(
    "event_id", ["x", "", "\x00", "1" * 5_000, "01a20b59-9889-76c6-adee-6af7d52a1b4"]
)
async def test_an_id_that_is_none_is_refused(anybody: httpx.AsyncClient, event_id: str) -> None:
    query = "query One($id: ID!) { event(id: $id) { id } }"
    assert errors(await ask(anybody, query, id=event_id)) == [("invalid-request", 422)]


SECRET = "SELECT secret FROM person"


async def test_what_breaks_is_reported_once_and_hidden(
    anybody: httpx.AsyncClient,
    published: Publish,
    monkeypatch: pytest.MonkeyPatch,
    told: list[BaseException],
) -> None:
    city = f"City {new_id()}"
    for _ in range(3):
        await published(city=city)

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(SECRET)

    query = "query L($city: String) { events(city: $city) { items { id seatsAvailable } } }"
    await data(anybody, query, city=city)
    monkeypatch.setattr(queries, "list_availability", broken)
    with_counts = query.replace("seatsAvailable", "title availability { held }")
    answer = await anybody.post(
        "/graphql", json={"query": with_counts, "variables": {"city": city}}
    )
    body = answer.json()
    assert errors(body) == [("internal-error", 500)] * 3
    assert [item["title"] for item in body["data"]["events"]["items"]] == ["Winter concert"] * 3
    assert [str(error) for error in told] == [SECRET]
    for word in ("secret", "SELECT", "RuntimeError", "Traceback", "strawberry", "sqlalchemy"):
        assert word.lower() not in answer.text.lower()


async def test_a_database_that_is_away_is_said_to_be_unavailable(
    anybody: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, told: list[BaseException]
) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError("10.0.0.5:5432")

    monkeypatch.setattr(lists, "list_events", away)
    query = "query L($city: String) { events(city: $city) { nextCursor } }"
    body = await ask(anybody, query, city=f"City {new_id()}")
    assert errors(body) == [("unavailable", 503)]
    assert "10.0.0.5" not in json.dumps(body)
    assert told == []

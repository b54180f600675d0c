"""What nobody should send, in every parameter and every field: a problem, never a crash."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, sections

HOSTILE = {
    "SQL": "1' OR '1'='1'; DROP TABLE booking; --",
    "a NUL byte": "a\x00b",
    "a negative number": "-1",
    "a huge number": "1" + "0" * 400,
    "very many characters": "x" * 20_000,
    "a template": "{{ 7 * 7 }}${7*7}%n",
    "a path": "../../../../etc/passwd",
    "turned text": "\u202egnp.exe",
    "markup": "<script>alert(1)</script>",
    "a header": "x\r\nBcc: evil@example.com",
    "the year 1": "0001-01-01T00:00:00Z",
    "the year 9999": "9999-12-31T23:59:59-14:00",
}
# A lone surrogate has no bytes of its own: it comes escaped in JSON, and not in an address.
HOSTILE_IN_BODIES = HOSTILE | {"a surrogate": "\ud800", "half a pair": "\udfff\ud800"}
NOT_TEXT: list[Any] = [None, True, -1, 0, 10**30, 1.5, [], {}, [[]], {"$gt": ""}]
HEADERS = ("Idempotency-Key", "If-Match", "If-None-Match", "X-Request-ID", "Accept-Language")

Operation = tuple[str, str, Json]


@pytest.fixture
def operations(app: FastAPI) -> list[Operation]:
    found = [
        (method.upper(), path, operation)
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    ]
    # An enumeration that finds nothing would find nothing wrong.
    assert len(found) > 20
    return found


def address(path: str, event: Json, value: str | None = None) -> str:
    """With ``value`` for each of its parameters, or with the event's own id."""
    text = quote(event["id"] if value is None else value, safe="")
    return "http://localhost" + re.sub(r"\{[^}]+\}", text, path)


def check(answer: httpx.Response, *about: object) -> None:
    assert answer.status_code < 500, (about, answer.text[:500])
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", about
        for word in ("Traceback", "asyncpg", "sqlalchemy", "SELECT", "pydantic"):
            assert word not in answer.text, about


async def is_unharmed(someone: User, event: Json) -> None:
    shown = await someone.get(f"/events/{event['id']}")
    assert (shown.status_code, shown.json()["title"]) == (200, event["title"])


@pytest.mark.parametrize("what", HOSTILE)
async def test_no_parameter_and_no_header_is_a_way_in(
    operations: list[Operation], guest: User, published: Publish, what: str
) -> None:
    event, value, tried = await published(), HOSTILE[what], 0
    for method, path, operation in operations:
        names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
        if "{" in path:
            check(await guest.http.request(method, address(path, event, value)), method, path)
        for name in names:
            answer = await guest.http.request(method, address(path, event), params={name: value})
            check(answer, method, path, name)
        tried += len(names)
        sent = value.encode()
        if not re.search(rb"[\r\n\x00]", sent):
            for name in HEADERS:
                headers = {name.encode(): sent}
                answer = await guest.http.request(method, address(path, event), headers=headers)
                check(answer, method, path, name)
    assert tried > 15
    await is_unharmed(guest, event)


def bodies(event: Json) -> dict[tuple[str, str], Json]:
    own = f"/events/{event['id']}"
    plan = sections(("Stalls", "A", 2))
    return {
        ("POST", "/events"): event_body(description="x", category="x", currency="EUR")
        | {"sales_start": None, "sales_end": None, "max_seats_per_user": 3},
        ("PATCH", own): {"title": "x", "venue": "x", "city": "x", "timezone": "UTC", "capacity": 5}
        | {"starts_at": event["starts_at"], "ends_at": event["ends_at"], "description": "x"},
        ("POST", "/events/"): event_body(seating={"kind": "assigned", "sections": plan}),
        ("POST", f"{own}/messages"): {"subject": "x", "body": "x"},
        ("POST", f"{own}/check-ins"): {"ticket_code": "x"},
        ("POST", f"{own}/waitlist"): {"quantity": 1},
        ("POST", "/bookings"): {"event_id": event["id"], "quantity": 1, "hold": True},
        ("POST", "/graphql"): {"query": "{ __typename }", "variables": {}, "operationName": "x"},
        # The last: it ends the event.
        ("POST", f"{own}/cancel"): {"reason": "x"},
    }


def places(body: Any, *way: Any) -> Iterator[tuple[Any, ...]]:
    """The way to each value in it."""
    if way:
        yield way
    if isinstance(body, dict):
        for name, value in body.items():
            yield from places(value, *way, name)
    elif isinstance(body, list):
        for number, value in enumerate(body):
            yield from places(value, *way, number)


def put(body: Json, way: tuple[Any, ...], value: Any) -> Json:
    changed: Json = json.loads(json.dumps(body))
    inner: Any = changed
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = value
    return changed


async def test_no_field_of_a_body_is_a_way_in(organizer: User, published: Publish) -> None:
    event, tried = await published(), 0
    values = [*HOSTILE_IN_BODIES.values(), *NOT_TEXT]
    for (method, path), body in bodies(event).items():
        for way in places(body):
            for value in values:
                sent = json.dumps(put(body, way, value))
                answer = await organizer.http.request(
                    method,
                    path.rstrip("/"),
                    content=sent,
                    headers={"Content-Type": "application/json"},
                )
                check(answer, method, path, way, value)
                tried += 1
    assert tried > 500
    assert (await organizer.get(f"/events/{event['id']}")).status_code == 200

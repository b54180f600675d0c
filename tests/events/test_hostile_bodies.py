"""No body, however many values it holds, keeps the others at event-service waiting; what is meant passes."""

import json

import httpx
import pytest
from fastapi import FastAPI

from event_service.events import plans
from service_kit.web.requests import BoundedRequest
from tests.event_bodies import event_body
from tests.events.conftest import Json, User, problem, sections
from tests.hostile_bodies import (
    MEGABYTE,
    faults_of,
    filled,
    hostile_bodies,
    kept_waiting,
)


def plan_of(rows: int) -> Json:
    """As many rows as that, of one seat each, in sections of a thousand."""
    return event_body(seating={"kind": "assigned", "sections": sections(*(
        (f"S{number // 1000}", f"R{number}", 1) for number in range(rows)
    ))})  # fmt: skip


def hostile_plans() -> dict[str, bytes]:
    """Events whose plan goes wrong as late and as often as may be."""
    event = json.dumps(event_body(seating={"kind": "assigned", "sections": [0]})).encode()
    before, _, after = event.partition(b"[0]")
    section, row = b'{"name":"A","rows":[', b'{"name":"e\xcc\x81","seats":1}'
    return {
        "sections that are none": filled(before + b"[", b"0", b"]" + after),
        "sections without rows": filled(before + b"[", b'{"name":"A","rows":[]}', b"]" + after),
        "rows that are none": filled(before + b"[" + section, b"0", b"]}]" + after),
        "40,000 rows": filled(before + b"[" + section, row, b"]}]" + after),
        "rows in sections": filled(
            before + b"[", filled(section, row, b"]}", 20_000), b"]" + after
        ),
        "at the limit": filled(before + b"[" + section, b"0", b"]}]" + after, 39_000 * 2),
        "rows at the limit": json.dumps(plan_of(13_000)).encode(),
    }


@pytest.mark.alone
@pytest.mark.parametrize("size", [MEGABYTE, 262_144])
async def test_no_body_keeps_others_waiting(
    anybody: httpx.AsyncClient, organizer: User, size: int
) -> None:
    signed_in = dict(organizer.http.headers)
    faults = await faults_of(anybody, "POST", "/graphql", hostile_bodies("variables", size), {})
    for path, field in (("/events", "seating"), ("/bookings", "seat_ids"), ("/events", "x")):
        faults += await faults_of(anybody, "POST", path, hostile_bodies(field, size), signed_in)
    assert faults == []


@pytest.mark.alone
async def test_no_plan_keeps_others_waiting(anybody: httpx.AsyncClient, organizer: User) -> None:
    signed_in = dict(organizer.http.headers)
    assert await faults_of(anybody, "POST", "/events", hostile_plans(), signed_in) == []


@pytest.mark.alone
async def test_control_without_the_count_they_wait(
    anybody: httpx.AsyncClient, organizer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, the tests above show nothing."""
    body = json.dumps(plan_of(24_000)).encode()

    async def send() -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        return await organizer.http.post("/events", content=body, headers=headers)

    async def least() -> float:
        """Of a few tries: the first one loads what is needed, and garbage may be collected in any."""
        return min([(await kept_waiting(send))[1] for _ in range(3)])

    guarded = await least()
    monkeypatch.setattr(BoundedRequest, "bounded_body", BoundedRequest.body)
    monkeypatch.setattr(plans, "MAX_ROWS", 100_000)
    unguarded = await least()
    # Whatever the machine: a fast one takes less than LOOP_SECONDS.
    assert unguarded > 3 * guarded


@pytest.mark.alone
async def test_the_largest_plan_is_taken(organizer: User) -> None:
    async def send() -> httpx.Response:
        return await organizer.post("/events", plan_of(10_000))

    answer, _ = await kept_waiting(send)
    assert (answer.status_code, answer.json()["capacity"]) == (201, 10_000)
    refused = await organizer.post("/events", plan_of(10_001))
    assert problem(refused) == (422, "invalid-request")


async def test_signs_in_a_text_are_no_values(organizer: User, app: FastAPI) -> None:
    text = ',[{"\\' * 1_800
    made = await organizer.post("/events", event_body(description=text))
    assert (made.status_code, made.json()["description"]) == (201, text)
    await organizer.post(f"/events/{made.json()['id']}/publish")
    told = await organizer.post(
        f"/events/{made.json()['id']}/messages", {"subject": "x", "body": "🎻," * 10_000}
    )
    assert told.status_code in (200, 202), told.text
    query = "{ __typename } " + "#" + ",[{" * 3_000
    answer = await organizer.post("/graphql", {"query": query})
    assert answer.json() == {"data": {"__typename": "Query"}}

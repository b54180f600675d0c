"""GraphQL answers what REST answers."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic.alias_generators import to_camel

from event_service.bookings.schemas import BookingPublic
from event_service.events.schemas import EventPublic
from event_service.graphql.schema import schema
from service_kit.ids import new_id
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, problem, sections

MakeUser = Callable[..., User]

EVENT_FIELDS = " ".join(
    to_camel(name) for name in (*EventPublic.model_fields, *EventPublic.model_computed_fields)
)
ONE_EVENT = "query One($id: ID!) { event(id: $id) { %s } }"
LIST = """
    query List($q: String, $city: String, $category: String, $from: DateTime, $to: DateTime,
               $first: Int! = 20, $after: String) {
        events(q: $q, city: $city, category: $category, startsFrom: $from, startsTo: $to,
               first: $first, after: $after) {
            items { id availability { capacity available held booked } } nextCursor
        }
    }
"""
BOOKINGS = """
    query Mine($first: Int! = 20, $after: String) {
        viewer { bookings(first: $first, after: $after) {
            items {
                id eventId status guestName total currency createdAt expiresAt canCancel
                title startsAt endsAt timezone venue city
                seats { id section row number ticketCode }
                event { title availability { booked } }
            }
            nextCursor
        } }
    }
"""


async def ask(client: httpx.AsyncClient, query: str, **variables: Any) -> Json:
    """The whole answer, which may hold errors."""
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


async def data(client: httpx.AsyncClient, query: str, **variables: Any) -> Json:
    body = await ask(client, query, **variables)
    assert "errors" not in body, body
    found: Json = body["data"]
    return found


def errors(body: Json) -> list[tuple[str, int]]:
    return [(e["extensions"]["code"], e["extensions"]["status"]) for e in body["errors"]]


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def in_camel_case(document: Any) -> Any:
    if isinstance(document, list):
        return [in_camel_case(item) for item in document]
    if isinstance(document, dict):
        return {camel(name): in_camel_case(value) for name, value in document.items()}
    return document


async def test_an_event_is_what_rest_shows(anybody: httpx.AsyncClient, published: Publish) -> None:
    event = await published(description="Two\nlines", category="Jazz", capacity=7)
    shown = (await anybody.get(f"/events/{event['id']}")).json()
    found = await data(anybody, ONE_EVENT % EVENT_FIELDS, id=event["id"])
    assert found["event"] == in_camel_case(shown)


def test_no_field_of_rest_is_missing() -> None:
    text = schema.as_str()
    for model, name in ((EventPublic, "Event"), (BookingPublic, "Booking")):
        found = re.search(rf"^type {name} {{\n(.*?)\n}}", text, re.DOTALL | re.MULTILINE)
        assert found
        fields = set(re.findall(r"^  (\w+)", found[1], re.MULTILINE))
        shown = {*model.model_fields, *model.model_computed_fields}
        assert {camel(field) for field in shown} <= fields


async def test_availability_and_seats_are_those_of_rest(
    anybody: httpx.AsyncClient, guest: User, published: Publish
) -> None:
    event = await published(
        seating={
            "kind": "assigned",
            "sections": sections(("Stalls", "A", 3), ("Stalls", "B", 2), ("Box", "1", 2)),
        }
    )
    seat_map = (await anybody.get(f"/events/{event['id']}/seats")).json()
    seat_ids = [seat["id"] for seat in seat_map["sections"][0]["rows"][0]["seats"]]
    assert (await guest.book(event, seat_ids=seat_ids[:1])).status_code == 201
    assert (await guest.book(event, seat_ids=seat_ids[1:2], hold=True)).status_code == 201
    found = await data(
        anybody,
        ONE_EVENT
        % """availability { capacity available held booked }
             seats { sections { name price rows { name columns seats { id number column kind state } } } }""",
        id=event["id"],
    )
    counted = (await anybody.get(f"/events/{event['id']}/availability")).json()
    assert counted == {"capacity": 7, "available": 5, "held": 1, "booked": 1}
    assert found["event"]["availability"] == counted
    seat_map = (await anybody.get(f"/events/{event['id']}/seats")).json()
    assert found["event"]["seats"] == seat_map
    states = [seat["state"] for seat in seat_map["sections"][0]["rows"][0]["seats"]]
    assert states == ["booked", "held", "free"]


async def test_general_admission_has_an_empty_map(
    anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published(capacity=3)
    found = await data(anybody, ONE_EVENT % "seats { sections { name } }", id=event["id"])
    assert found == {"event": {"seats": {"sections": []}}}


async def test_pages_hold_everything_once_in_order(
    anybody: httpx.AsyncClient, published: Publish
) -> None:
    city = f"City {new_id()}"
    expected = [(await published(city=city))["id"] for _ in range(5)]
    found: list[str] = []
    after = None
    while True:
        page = (await data(anybody, LIST, city=city, first=2, after=after))["events"]
        found += [event["id"] for event in page["items"]]
        after = page["nextCursor"]
        if after is None:
            break
    assert found == expected


async def test_filters_are_those_of_rest(anybody: httpx.AsyncClient, published: Publish) -> None:
    city = f"City {new_id()}"
    early = {"starts_at": "2101-01-01T10:00:00Z", "ends_at": "2101-01-01T11:00:00Z"}
    late = {"starts_at": "2101-02-01T10:00:00Z", "ends_at": "2101-02-01T11:00:00Z"}
    jazz = await published(city=city, category="Jazz", title="Violins", **early)
    opera = await published(city=city, category="Opera", **late)

    async def listed(**variables: Any) -> list[str]:
        page = (await data(anybody, LIST, city=city, **variables))["events"]
        return [event["id"] for event in page["items"]]

    assert await listed() == [jazz["id"], opera["id"]]
    assert await listed(category="JAZZ") == [jazz["id"]]
    assert await listed(q="violin") == [jazz["id"]]
    assert await listed(**{"from": "2101-01-15T00:00:00+02:00"}) == [opera["id"]]
    assert await listed(to="2101-01-15T00:00:00Z") == [jazz["id"]]


async def test_a_change_is_seen_by_the_next_query(
    anybody: httpx.AsyncClient, organizer: User, published: Publish
) -> None:
    event = await published(title="Old")
    query = ONE_EVENT % "title status"
    assert (await data(anybody, query, id=event["id"]))["event"]["title"] == "Old"
    await organizer.patch(f"/events/{event['id']}", {"title": "New"})
    assert (await data(anybody, query, id=event["id"]))["event"]["title"] == "New"


async def test_a_draft_is_shown_to_its_organizer_only(
    anybody: httpx.AsyncClient, organizer: User, guest: User
) -> None:
    draft = (await organizer.post("/events", event_body())).json()
    query = ONE_EVENT % "status availability { available } seats { sections { name } }"
    own = await data(organizer.http, query, id=draft["id"])
    assert own["event"]["status"] == "draft"
    assert own["event"]["availability"] == {"available": 20}
    for client in (anybody, guest.http):
        body = await ask(client, query, id=draft["id"])
        assert body["data"] == {"event": None}
        assert errors(body) == [("not-found", 404)]
    listed = await data(organizer.http, LIST, city=draft["city"], first=100)
    assert draft["id"] not in [event["id"] for event in listed["events"]["items"]]


async def test_bookings_are_ones_own_with_their_events(
    guest: User, user: MakeUser, published: Publish
) -> None:
    event = await published(title="Concert", price=500_000_000)
    booked = (await guest.book(event, quantity=3)).json()
    held = (await guest.book(event, hold=True)).json()
    found = (await data(guest.http, BOOKINGS))["viewer"]["bookings"]
    shown = (await guest.get("/bookings")).json()
    assert [item["id"] for item in shown["items"]] == [held["id"], booked["id"]]
    expected = in_camel_case(shown)
    for item in expected["items"]:
        item["event"] = {"title": "Concert", "availability": {"booked": 3}}
    assert found == expected
    assert (await data(user().http, BOOKINGS))["viewer"]["bookings"]["items"] == []


async def test_bookings_have_pages(guest: User, published: Publish) -> None:
    event = await published()
    expected = [(await guest.book(event)).json()["id"] for _ in range(3)][::-1]
    first = (await data(guest.http, BOOKINGS, first=2))["viewer"]["bookings"]
    rest = await data(guest.http, BOOKINGS, first=2, after=first["nextCursor"])
    items = first["items"] + rest["viewer"]["bookings"]["items"]
    assert [item["id"] for item in items] == expected
    assert rest["viewer"]["bookings"]["nextCursor"] is None


async def test_what_is_ones_own_asks_for_a_sign_in_and_the_rest_is_answered(
    anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published(title="Concert")
    query = "query Both($id: ID!) { viewer { bookings { nextCursor } } event(id: $id) { title } }"
    body = await ask(anybody, query, id=event["id"])
    assert body["data"] == {"viewer": None, "event": {"title": "Concert"}}
    assert errors(body) == [("not-authenticated", 401)]
    assert body["errors"][0]["path"] == ["viewer"]


@pytest.mark.parametrize("content", [b'{"query": "{ viewer { __typename } }"}', b"{nothing"])
async def test_a_bad_token_is_refused_before_the_query_is_read(
    anybody: httpx.AsyncClient, content: bytes
) -> None:
    headers = {"Authorization": "Bearer forged", "Content-Type": "application/json"}
    answer = await anybody.post("/graphql", content=content, headers=headers)
    assert problem(answer) == (401, "not-authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"

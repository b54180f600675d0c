"""Events: who creates, sees, changes, publishes, cancels and deletes them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import respx
from fastapi import FastAPI

from tests.event_bodies import event_body
from tests.events.conftest import Publish, User, messages, problem, sections

MakeUser = Callable[..., User]


async def test_an_event_begins_as_a_draft_that_only_its_owner_sees(
    organizer: User, user: MakeUser, anybody: httpx.AsyncClient
) -> None:
    created = await organizer.post("/events", event_body(description="First line\nsecond"))
    event = created.json()
    assert created.status_code == 201
    assert created.headers["location"] == f"/api/v1/events/{event['id']}"
    assert created.headers["etag"].startswith('"1-')
    assert (event["status"], event["version"]) == ("draft", 1)
    assert event["organizer_id"] == str(organizer.id)
    assert event["starts_at"].endswith("Z")
    assert (event["capacity"], event["seats_available"], event["max_seats_per_user"]) == (
        20,
        20,
        10,
    )
    assert (await organizer.get(f"/events/{event['id']}")).json() == event
    for path in ("", "/availability", "/seats"):
        url = f"/events/{event['id']}{path}"
        assert problem(await user().get(url)) == (404, "not-found")
        assert problem(await anybody.get(url)) == (404, "not-found")


@pytest.mark.parametrize(
    "changes",
    [
        {"title": ""},
        {"title": "x" * 201},
        {"title": "a\x00b"},
        {"title": "a\r\nBcc: x@example.com"},
        {"title": None},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"starts_at": "2027-01-20T18:30:00"},
        {"starts_at": "0001-01-01T00:00:00Z"},
        {"ends_at": "9999-12-31T23:59:59-14:00"},
        {"starts_at": "tomorrow"},
        {"starts_at": 1_800_000_000},
        {"starts_at": "1800000000"},
        {"ends_at": "2026-01-01T00:00:00Z"},
        {"sales_start": "2026-12-02T00:00:00Z", "sales_end": "2026-12-01T00:00:00Z"},
        {"price": -1},
        {"price": 10**12},
        {"price": 9.99},
        {"currency": "eur"},
        {"category": "x" * 51},
        {"max_seats_per_user": 0},
        {"seating": None},
        {"seating": {"kind": "none"}},
        {"seating": {"kind": "general"}},
        {"seating": {"kind": "general", "capacity": 0}},
        {"seating": {"kind": "general", "capacity": 100_001}},
        {"seating": {"kind": "assigned", "sections": []}},
        {"seating": {"kind": "assigned", "sections": sections(("A", "1", 5_001))}},
        {"seating": {"kind": "assigned", "sections": sections(("A", "1", 2)) * 2}},
        {
            "seating": {
                "kind": "assigned",
                "sections": sections(*(("A", str(row), 5_000) for row in range(21))),
            }
        },
    ],
)
async def test_an_event_that_makes_no_sense_is_refused(
    organizer: User, changes: dict[str, Any]
) -> None:
    refused = await organizer.post("/events", event_body(**changes))
    assert problem(refused) == (422, "invalid-request")
    assert refused.json()["errors"][0]["field"]


async def test_owner_and_status_cannot_be_sent_along(organizer: User, user: MakeUser) -> None:
    body = event_body(organizer_id=str(user().id), status="published", version=7)
    event = (await organizer.post("/events", body)).json()
    assert event["organizer_id"] == str(organizer.id)
    assert (event["status"], event["version"]) == ("draft", 1)


async def test_publishing_asks_for_a_verified_address(
    app: FastAPI, user: MakeUser, respx_mock: respx.MockRouter
) -> None:
    newcomer = user(email_verified=False)
    token = {"access_token": "service-token", "expires_in": 600}
    respx_mock.post("http://auth.test/api/v1/auth/token").respond(json=token)
    contact = respx_mock.get(f"http://auth.test/api/v1/users/{newcomer.id}/contact")
    event = (await newcomer.post("/events", event_body())).json()
    path = f"/events/{event['id']}/publish"
    contact.respond(json={"is_verified": False})
    assert problem(await newcomer.post(path)) == (403, "email-not-verified")
    contact.respond(503)
    assert problem(await newcomer.post(path)) == (503, "unavailable")
    # Verified since the token was made: auth-service knows.
    contact.respond(json={"is_verified": True})
    assert (await newcomer.post(path)).json()["status"] == "published"


async def test_publishing_and_cancelling_again_answer_with_the_event_as_it_is(
    organizer: User, published: Publish
) -> None:
    event = await published()
    again = (await organizer.post(f"/events/{event['id']}/publish")).json()
    assert (again["status"], again["version"]) == ("published", event["version"])
    first = (await organizer.post(f"/events/{event['id']}/cancel", {"reason": "Rain"})).json()
    second = (await organizer.post(f"/events/{event['id']}/cancel")).json()
    assert first["status"] == "cancelled"
    assert second["version"] == first["version"]
    refused = await organizer.post(f"/events/{event['id']}/publish")
    assert problem(refused) == (409, "event-cancelled")


async def test_what_a_stranger_sees_he_may_not_change(published: Publish, user: MakeUser) -> None:
    event = await published()
    stranger = user()
    url = f"/events/{event['id']}"
    for answer in (
        await stranger.patch(url, {"title": "Mine"}),
        await stranger.post(f"{url}/publish"),
        await stranger.post(f"{url}/cancel"),
        await stranger.delete(url),
    ):
        assert problem(answer) == (403, "forbidden")
    assert (await stranger.get(url)).json()["title"] == event["title"]


async def test_an_edit_based_on_an_older_version_is_refused(
    organizer: User, guest: User, published: Publish
) -> None:
    event = await published()
    url = f"/events/{event['id']}"
    etag = (await organizer.get(url)).headers["etag"]
    # A booking changes the content, and with it the tag, but breaks nobody's edit.
    await guest.book(event)
    edited = await organizer.patch(url, {"title": "New title"}, If_Match=etag)
    assert (edited.status_code, edited.json()["version"]) == (200, event["version"] + 1)
    refused = await organizer.patch(url, {"title": "Newer"}, If_Match=etag)
    assert problem(refused) == (412, "version-mismatch")
    assert (await organizer.get(url)).json()["title"] == "New title"


@pytest.mark.parametrize(
    "value", ['"x"', "W/", '"99999999999-a"', "1; DROP TABLE event", '"²-a"', '"¹³"']
)
async def test_an_if_match_that_is_no_tag_is_refused(
    organizer: User, published: Publish, value: str
) -> None:
    event = await published()
    headers = {b"If-Match": value.encode("latin-1")}
    refused = await organizer.http.patch(
        f"/events/{event['id']}", json={"title": "x"}, headers=headers
    )
    assert problem(refused) == (422, "invalid-request")


async def test_nulls_and_times_out_of_order_are_refused_together_with_what_stays(
    organizer: User, published: Publish
) -> None:
    event = await published(sales_end=(datetime.now(UTC) + timedelta(days=9)).isoformat())
    url = f"/events/{event['id']}"
    assert problem(await organizer.patch(url, {"title": None}))[0] == 422
    assert problem(await organizer.patch(url, {"ends_at": event["starts_at"]}))[0] == 422
    cleared = (await organizer.patch(url, {"sales_end": None})).json()
    assert cleared["sales_end"] is None


async def test_capacity_grows_and_shrinks_while_what_is_taken_fits(
    organizer: User, guest: User, published: Publish
) -> None:
    event = await published(capacity=5)
    url = f"/events/{event['id']}"
    await guest.book(event, 4)
    assert (await organizer.patch(url, {"capacity": 9})).json()["seats_available"] == 5
    assert (await organizer.patch(url, {"capacity": 4})).json()["seats_available"] == 0
    assert problem(await organizer.patch(url, {"capacity": 3})) == (409, "capacity-in-use")
    assert (await organizer.get(url)).json()["capacity"] == 4
    assert problem(await organizer.patch(url, {"sections": sections(("A", "1", 1))}))[0] == 422


async def test_a_seating_plan_is_replaced_around_the_seats_that_are_taken(
    organizer: User, guest: User, published: Publish
) -> None:
    plan = sections(("Stalls", "A", 3), ("Balcony", "B", 2))
    event = await published(seating={"kind": "assigned", "sections": plan})
    url = f"/events/{event['id']}"
    seat_map = (await guest.get(f"{url}/seats")).json()["sections"]
    taken = seat_map[0]["rows"][0]["seats"][1]["id"]
    assert (await guest.book(event, seat_ids=[taken])).status_code == 201
    without_it = sections(("Stalls", "A", 1), ("Balcony", "B", 2))
    assert problem(await organizer.patch(url, {"sections": without_it})) == (409, "capacity-in-use")
    new = sections(("Boxes", "1", 4), ("Stalls", "A", 2))
    changed = (await organizer.patch(url, {"sections": new})).json()
    assert (changed["capacity"], changed["seats_available"]) == (6, 5)
    after = (await guest.get(f"{url}/seats")).json()["sections"]
    assert [section["name"] for section in after] == ["Boxes", "Stalls"]
    assert after[1]["rows"][0]["seats"][1] == {
        "id": taken, "number": 2, "column": 2, "kind": "standard", "state": "booked"
    }  # fmt: skip


async def test_only_a_draft_can_be_deleted(
    organizer: User, guest: User, published: Publish
) -> None:
    draft = (await organizer.post("/events", event_body())).json()
    assert (await organizer.delete(f"/events/{draft['id']}")).status_code == 204
    assert problem(await organizer.get(f"/events/{draft['id']}")) == (404, "not-found")
    event = await published()
    await guest.book(event)
    assert problem(await organizer.delete(f"/events/{event['id']}")) == (409, "event-has-bookings")


async def test_cancelling_ends_every_booking_and_tells_each_guest_once(
    app: FastAPI, organizer: User, user: MakeUser, published: Publish
) -> None:
    event = await published(capacity=20)
    one, two, gone = user(), user(), user()
    bookings = [(await one.book(event, 2)).json(), (await one.book(event)).json()]
    held = (await two.book(event, hold=True)).json()
    left = (await gone.book(event)).json()
    await gone.post(f"/bookings/{left['id']}/cancel")
    await organizer.post(f"/events/{event['id']}/cancel", {"reason": "Rain"})
    for guest, booking in ((one, bookings[0]), (one, bookings[1]), (two, held)):
        shown = (await guest.get(f"/bookings/{booking['id']}")).json()
        assert shown["status"] == "cancelled"
        assert len(shown["seats"]) == len(booking["seats"])
    told = await messages(app, event["id"], "event-cancelled")
    assert {m["user_id"]: len(m["data"]["booking_ids"]) for m in told} == {
        str(one.id): 2,
        str(two.id): 1,
    }
    assert {m["data"]["reason"] for m in told} == {"Rain"}
    availability = (await one.get(f"/events/{event['id']}/availability")).json()
    assert availability == {"capacity": 20, "available": 20, "held": 0, "booked": 0}


async def test_guests_are_told_of_a_new_time_or_place_and_of_nothing_else(
    app: FastAPI, organizer: User, guest: User, published: Publish
) -> None:
    event = await published()
    url = f"/events/{event['id']}"
    await guest.book(event)
    await guest.book(event)
    await organizer.patch(url, {"title": "Other title", "venue": event["venue"]})
    assert await messages(app, event["id"], "event-changed") == []
    await organizer.patch(url, {"venue": "Castle"})
    (told,) = await messages(app, event["id"], "event-changed")
    assert told["data"]["changes"] == {"venue": ["Town hall", "Castle"]}
    assert len(told["data"]["booking_ids"]) == 2


async def test_a_hundred_thousand_seats_are_created_by_one_request(organizer: User) -> None:
    plan = sections(*((f"S{s}", str(row), 100) for s in range(10) for row in range(100)))
    event = (
        await organizer.post("/events", event_body(seating={"kind": "assigned", "sections": plan}))
    ).json()
    assert event["capacity"] == 100_000
    seat_map = (await organizer.get(f"/events/{event['id']}/seats")).json()
    assert sum(len(r["seats"]) for s in seat_map["sections"] for r in s["rows"]) == 100_000

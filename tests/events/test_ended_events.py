"""What has taken place stays as it was: nobody is told that it was called off or moved afterwards."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, messages, problem, sections
from tests.events.test_cancellation import begin, codes, let_in, moment
from tests.events.waitlist import MakeUser

KINDS = ("event-cancelled", "event-changed", "booking-cancelled", "waitlist-offer")


async def told(app: FastAPI, event: Json) -> list[Json]:
    return [message for kind in KINDS for message in await messages(app, event["id"], kind)]


@pytest.mark.parametrize("who", ["the organizer", "a superuser"])
async def test_an_event_that_has_ended_cannot_be_called_off(
    app: FastAPI, organizer: User, guest: User, published: Publish, user: MakeUser, who: str
) -> None:
    event = await published(capacity=2)
    booking = (await guest.book(event)).json()
    await let_in(organizer, event, codes(booking)[0])
    await begin(app, event, hours_ago=3)
    by = organizer if who == "the organizer" else user(superuser=True)
    refused = await by.post(f"/events/{event['id']}/cancel", {"reason": "By mistake"})
    assert problem(refused) == (422, "invalid-request")
    assert refused.json()["errors"][0]["field"] == "ends_at"
    assert (await guest.get(f"/bookings/{booking['id']}")).json()["status"] == "confirmed"
    assert (await guest.get(f"/events/{event['id']}")).json()["status"] == "published"
    assert await told(app, event) == []
    # Whoever is let in late, or by mistake, is still put right.
    url = f"/events/{event['id']}/check-ins/{codes(booking)[0]}"
    assert (await organizer.delete(url)).status_code == 204


async def test_what_was_called_off_in_time_stays_answered(
    app: FastAPI, organizer: User, published: Publish
) -> None:
    event = await published(capacity=2)
    url = f"/events/{event['id']}/cancel"
    first = await organizer.post(url)
    await begin(app, event, hours_ago=3)
    again = await organizer.post(url)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json()["status"] == "cancelled"


CHANGES: dict[str, Any] = {
    "starts_at": lambda: moment(hours=-4),
    "ends_at": lambda: moment(minutes=-10),
    "timezone": lambda: "Europe/Riga",
    "venue": lambda: "Another hall",
    "city": lambda: "Riga",
    "capacity": lambda: 50,
}


@pytest.mark.parametrize("name", CHANGES)
async def test_time_and_place_of_what_has_ended_stay(
    app: FastAPI, organizer: User, guest: User, published: Publish, name: str
) -> None:
    event = await published(capacity=2)
    assert (await guest.book(event)).status_code == 201
    await begin(app, event, hours_ago=3)
    before = (await guest.get(f"/events/{event['id']}")).json()
    refused = await organizer.patch(f"/events/{event['id']}", {name: CHANGES[name]()})
    assert problem(refused) == (422, "invalid-request")
    assert refused.json()["errors"][0]["field"] == name
    assert (await guest.get(f"/events/{event['id']}")).json() == before
    assert await told(app, event) == []


async def test_sections_of_what_has_ended_stay(
    app: FastAPI, organizer: User, published: Publish
) -> None:
    plan = sections(("Stalls", "A", 2))
    event = await published(seating={"kind": "assigned", "sections": plan})
    await begin(app, event, hours_ago=3)
    url = f"/events/{event['id']}"
    more = {"sections": sections(("Stalls", "A", 3))}
    refused = await organizer.patch(url, more)
    assert problem(refused) == (422, "invalid-request")
    assert refused.json()["errors"][0]["field"] == "sections"
    # The plan as it is says nothing new.
    assert (await organizer.patch(url, {"sections": plan})).status_code == 200


async def test_its_texts_may_be_set_right_and_nobody_is_told(
    app: FastAPI, organizer: User, guest: User, published: Publish
) -> None:
    event = await published(capacity=2)
    assert (await guest.book(event)).status_code == 201
    await begin(app, event, hours_ago=3)
    url = f"/events/{event['id']}"
    # A form sends all fields: those that stay are in nobody's way.
    now = (await organizer.get(url)).json()
    same = {name: now[name] for name in ("starts_at", "ends_at", "venue", "city", "capacity")}
    changed = await organizer.patch(
        url, same | {"title": "Winter concert, as it was", "description": "Thank you."}
    )
    assert changed.status_code == 200
    assert changed.json()["title"] == "Winter concert, as it was"
    assert await told(app, event) == []


async def test_a_wrong_date_is_set_right_unless_somebody_was_let_in(
    app: FastAPI, organizer: User, guest: User, published: Publish
) -> None:
    """Who moved an event to last year by mistake moves it back; then it may be called off too."""
    event = await published(capacity=2)
    booking = (await guest.book(event)).json()
    url = f"/events/{event['id']}"
    last_year = {"starts_at": moment(days=-300), "ends_at": moment(days=-299)}
    right = {"starts_at": event["starts_at"], "ends_at": event["ends_at"]}
    assert (await organizer.patch(url, last_year)).status_code == 200
    assert (await organizer.patch(url, right)).status_code == 200
    assert len(await messages(app, event["id"], "event-changed")) == 2
    await let_in(organizer, event, codes(booking)[0])
    await begin(app, event, hours_ago=3)
    refused = await organizer.patch(url, right)
    assert problem(refused) == (422, "invalid-request")
    assert {error["field"] for error in refused.json()["errors"]} == {"starts_at", "ends_at"}
    assert len(await messages(app, event["id"], "event-changed")) == 2


async def test_a_draft_whose_time_has_passed_gets_another(
    app: FastAPI, organizer: User, user: MakeUser
) -> None:
    created = (await organizer.post("/events", event_body())).json()
    await begin(app, created, hours_ago=3)
    url = f"/events/{created['id']}"
    assert problem(await organizer.post(f"{url}/publish")) == (422, "invalid-request")
    later = datetime.now(UTC) + timedelta(days=9)
    times = {"starts_at": later.isoformat(), "ends_at": (later + timedelta(hours=1)).isoformat()}
    assert (await organizer.patch(url, times | {"venue": "Hall"})).status_code == 200
    assert (await organizer.post(f"{url}/publish")).status_code == 200

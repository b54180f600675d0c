"""What an event says beside its time and place: who organizes it, how it is paid, when doors open."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, messages, problem
from tests.events.waitlist import change

DETAILS = ("organizer_name", "payment_note", "doors_at")


def moved(at: str, **by: float) -> str:
    return (datetime.fromisoformat(at) + timedelta(**by)).isoformat().replace("+00:00", "Z")


def details(body: Json) -> Json:
    return {
        "organizer_name": "Music Society",
        "payment_note": "At the box office,\nin cash or by card.",
        "doors_at": moved(body["starts_at"], hours=-1),
    }


async def test_an_event_says_who_organizes_it_how_it_is_paid_and_when_doors_open(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    said = details(event_body())
    event = await published(**said, city="Told City")
    plain = await published()
    assert {name: event[name] for name in DETAILS} == said
    assert [plain[name] for name in DETAILS] == [None, None, None]
    [listed] = (await anybody.get("/events", params={"city": "Told City"})).json()["items"]
    shown = (await anybody.get(f"/events/{event['id']}")).json()
    query = f'{{ event(id: "{event["id"]}") {{ organizerName paymentNote doorsAt }} }}'
    answer = (await anybody.post("/graphql", json={"query": query})).json()["data"]["event"]
    assert [list(of[name] for name in DETAILS) for of in (listed, shown)] == [
        list(said.values())
    ] * 2
    assert list(answer.values()) == list(said.values())
    cleared = await organizer.patch(
        f"/events/{event['id']}", {"organizer_name": None, "payment_note": "", "doors_at": None}
    )
    assert [cleared.json()[name] for name in DETAILS] == [None, None, None]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("organizer_name", "x" * 101),
        ("organizer_name", "two\nlines"),
        ("organizer_name", 7),
        ("payment_note", "x" * 301),
        ("payment_note", "a\x00b"),
        ("doors_at", "soon"),
        ("doors_at", 1_900_000_000),
    ],
)
async def test_details_that_are_none_are_refused(
    organizer: User, published: Publish, field: str, value: Any
) -> None:
    event = await published()
    for answer in (
        await organizer.post("/events", event_body(**{field: value})),
        await organizer.patch(f"/events/{event['id']}", {field: value}),
    ):
        assert problem(answer) == (422, "invalid-request")
        assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("hours", [-24.1, 0.1])
async def test_doors_open_within_a_day_before_the_start(
    organizer: User, published: Publish, hours: float
) -> None:
    event = await published()
    times = {"doors_at": moved(event["starts_at"], hours=hours)}
    refused = await organizer.patch(f"/events/{event['id']}", times)
    assert problem(refused) == (422, "invalid-request")
    assert refused.json()["errors"][0]["field"] == "doors_at"
    for allowed in (-24, 0):
        doors = moved(event["starts_at"], hours=allowed)
        answer = await organizer.patch(f"/events/{event['id']}", {"doors_at": doors})
        assert answer.json()["doors_at"] == doors


async def test_who_moves_an_event_with_doors_moves_them_too(
    app: FastAPI, organizer: User, published: Publish
) -> None:
    event = await published(**details(event_body()))
    url, later = f"/events/{event['id']}", {"days": 2}
    times = {name: moved(event[name], **later) for name in ("starts_at", "ends_at")}
    assert problem(await organizer.patch(url, times)) == (422, "invalid-request")
    doors = {"doors_at": moved(event["doors_at"], **later)}
    assert (await organizer.patch(url, times | doors)).status_code == 200
    # A process of the release before moves the event alone; its texts can be changed all the same.
    await change(
        app,
        "UPDATE event SET starts_at = starts_at - interval '40 h' WHERE id = :id",
        id=event["id"],
    )
    assert (await organizer.patch(url, {"title": "Spring concert"})).status_code == 200


async def test_a_confirmation_has_the_details(
    app: FastAPI, guest: User, published: Publish
) -> None:
    said = details(event_body())
    for given in (said, {}):
        event = await published(**given)
        await guest.book(event)
        [message] = await messages(app, event["id"], "booking-confirmed")
        told = message["data"]["event"]
        doors = told["doors_at"] and told["doors_at"].replace("+00:00", "Z")
        assert [told["organizer_name"], told["payment_note"], doors] == [
            given.get(name) for name in DETAILS
        ]

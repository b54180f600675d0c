"""Whoever says which version of an event was looked at books nothing else: no price or date that came
since."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.events.conftest import Json, Publish, User, problem

OTHER = {"price": 9_900}


def seen(event: Json, **more: Any) -> dict[str, Any]:
    version = event["version"]
    return {"Event_Version": version if isinstance(version, bytes) else str(version), **more}


async def book(guest: User, event: Json, by: Json, **headers: str) -> httpx.Response:
    """By the version that ``by`` has."""
    return await guest.post(
        "/bookings", {"event_id": event["id"], "quantity": 1}, **seen(by, **headers)
    )


async def test_what_was_seen_is_booked(published: Publish, guest: User) -> None:
    event = await published()
    answer = await book(guest, event, by=event)
    assert (answer.status_code, answer.json()["total"]) == (201, event["price"])


@pytest.mark.parametrize("hold", [False, True])
async def test_what_was_changed_since_is_not(
    published: Publish, organizer: User, guest: User, hold: bool
) -> None:
    event = await published(max_seats_per_user=1)
    changed = (await organizer.patch(f"/events/{event['id']}", OTHER)).json()
    body = {"event_id": event["id"], "quantity": 1, "hold": hold}
    refused = await guest.post("/bookings", body, **seen(event, Idempotency_Key="k"))
    assert problem(refused) == (409, "event-changed")
    assert (await guest.get("/bookings")).json()["items"] == []
    # Neither the key nor the seat that a person may have was used up.
    again = await guest.post("/bookings", body, **seen(changed, Idempotency_Key="k"))
    assert (again.status_code, again.json()["total"]) == (201, 9_900)


async def test_who_says_nothing_takes_the_event_as_it_is(
    published: Publish, organizer: User, guest: User
) -> None:
    event = await published()
    await organizer.patch(f"/events/{event['id']}", OTHER)
    assert (await guest.book(event)).json()["total"] == 9_900


async def test_a_booking_made_before_the_change_is_told_again(
    published: Publish, organizer: User, guest: User
) -> None:
    event = await published()
    first = await book(guest, event, by=event, Idempotency_Key="k")
    await organizer.patch(f"/events/{event['id']}", OTHER)
    again = await book(guest, event, by=event, Idempotency_Key="k")
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])


async def test_of_a_crowd_only_who_looked_before_is_refused(
    published: Publish, organizer: User, user: Callable[[], User]
) -> None:
    event = await published(capacity=20)
    changed = (await organizer.patch(f"/events/{event['id']}", OTHER)).json()
    versions = [event, changed] * 6
    answers = await asyncio.gather(*(book(user(), event, by=version) for version in versions))
    assert [answer.status_code for answer in answers] == [409, 201] * 6
    left = (await organizer.get(f"/events/{event['id']}/availability")).json()
    assert left["available"] == 14


BESIDE_TERMS: dict[str, Json] = {
    "words": {"title": "Said better", "description": "More of it", "category": "Jazz"},
    "sales": {"sales_end": "2098-01-01T18:00:00Z", "organizer_name": "The Club"},
    "seats": {"capacity": 20, "max_seats_per_user": 3},
}


@pytest.mark.parametrize("change", BESIDE_TERMS.values(), ids=BESIDE_TERMS)
async def test_what_nobody_decides_by_is_no_change(
    published: Publish, organizer: User, guest: User, change: Json
) -> None:
    event = await published(starts_at="2099-01-01T18:00:00Z", ends_at="2099-01-01T20:00:00Z")
    later = (await organizer.patch(f"/events/{event['id']}", change)).json()
    assert later["version"] == event["version"] + 1
    assert (await book(guest, event, by=event)).status_code == 201
    assert (await book(guest, event, by=later)).status_code == 201


async def test_after_a_change_of_the_price_words_do_not_hide_it(
    published: Publish, organizer: User, guest: User
) -> None:
    event = await published()
    url = f"/events/{event['id']}"
    dearer = (await organizer.patch(url, OTHER)).json()
    await organizer.patch(url, {"title": "Said better"})
    assert problem(await book(guest, event, by=event)) == (409, "event-changed")
    assert (await book(guest, event, by=dearer)).status_code == 201


@pytest.mark.parametrize("then", [{}, {"title": "Said better"}])
async def test_what_the_release_before_changed_is_a_change(
    app: FastAPI, published: Publish, organizer: User, guest: User, then: Json
) -> None:
    """It raises the version and notes nothing of terms."""
    event = await published()
    async with app.state.database.transaction() as session:
        sql = "UPDATE event SET price = 9900, version = version + 1 WHERE id = :id"
        await session.execute(text(sql), {"id": event["id"]})
    seen_last = (await organizer.get(f"/events/{event['id']}")).json()
    if then:
        await organizer.patch(f"/events/{event['id']}", then)
    assert problem(await book(guest, event, by=event)) == (409, "event-changed")
    by = {"version": event["version"] + 1}
    assert (await book(guest, event, by=by)).json()["total"] == 9_900, seen_last


async def test_a_version_that_is_not_there_yet_is_another_one(
    published: Publish, guest: User
) -> None:
    event = await published()
    by = {"version": event["version"] + 1}
    assert problem(await book(guest, event, by=by)) == (409, "event-changed")


async def test_a_hold_is_confirmed_by_what_was_seen(
    published: Publish, organizer: User, guest: User
) -> None:
    event = await published()
    held = (await guest.book(event, hold=True)).json()
    url = f"/bookings/{held['id']}/confirm"
    changed = (await organizer.patch(f"/events/{event['id']}", {"venue": "Castle"})).json()
    assert problem(await guest.post(url, **seen(event))) == (409, "event-changed")
    assert (await guest.get(f"/bookings/{held['id']}")).json()["status"] == "held"
    assert (await guest.post(url, **seen(changed))).json()["status"] == "confirmed"
    # Doing again what is done.
    assert (await guest.post(url, **seen(event))).json()["status"] == "confirmed"


@pytest.mark.parametrize(
    "version",
    [
        "0", "-1", "x", "1.5", "3.0", "+3", "1_0", '"3"', "*", " ", "99999999999", "9" * 31, "1, 2",
        "", "\u00b2", "\u0663",
    ],
)  # fmt: skip
async def test_what_is_no_version_is_told(published: Publish, guest: User, version: str) -> None:
    event = await published()
    answer = await book(guest, event, by={"version": version.encode()})
    assert problem(answer)[0] == 422


async def test_two_versions_are_none(published: Publish, guest: User) -> None:
    event = await published()
    body = {"event_id": event["id"], "quantity": 1}
    headers = [("Event-Version", str(event["version"])), ("Event-Version", "1")]
    for pair in (headers, headers[::-1]):
        answer = await guest.http.post("/bookings", json=body, headers=pair)
        assert problem(answer)[0] == 422

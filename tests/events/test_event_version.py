"""Whoever says which version of an event was looked at books nothing else: no price or date that came
since."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from tests.events.conftest import Json, Publish, User, problem

OTHER = {"price": 9_900}


def seen(event: Json, **more: str) -> dict[str, str]:
    return {"Event_Version": str(event["version"]), **more}


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


@pytest.mark.parametrize("version", ["0", "-1", "x", "1.5", "99999999999", "1, 2", ""])
async def test_what_is_no_version_is_told(published: Publish, guest: User, version: str) -> None:
    event = await published()
    answer = await book(guest, event, by={"version": version})
    assert problem(answer)[0] == 422

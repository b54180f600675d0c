"""A name that is not taken is refused and changes nothing, so that nobody believes that it was heard."""

from typing import Any

import pytest
from fastapi import FastAPI

from tests.events.conftest import Publish, User, problem
from tests.events.waitlist import MakeUser, rows


def refused_names(answer: Any) -> list[str]:
    assert problem(answer) == (422, "invalid-request")
    return [error["field"] for error in answer.json()["errors"]]


@pytest.mark.parametrize("name", ["holds", "Hold", "section", "kind", "seats", "seat_id"])
async def test_a_booking_takes_no_other_name(guest: User, published: Publish, name: str) -> None:
    event = await published(capacity=3)
    answer = await guest.book(event, 1, **{name: True})
    assert refused_names(answer) == [name]
    assert (await guest.get("/bookings")).json()["items"] == []
    assert (await guest.book(event, 1, hold=True)).json()["status"] == "held"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"seat_ids": ["0198c0de-0000-7000-8000-000000000000"]}, "seat_ids"),
        ({"seat_ids": []}, "seat_ids"),
        ({"seats": ["0198c0de-0000-7000-8000-000000000000"]}, "seats"),
        ({"quantity": 1}, "quantity"),
        ({"reason": "Ill"}, "reason"),
        ([1], "body"),
        ("all", "body"),
    ],
)
async def test_a_cancellation_of_anything_but_its_seats_cancels_nothing(
    guest: User, published: Publish, body: Any, name: str
) -> None:
    booking = (await guest.book(await published(capacity=3), 2)).json()
    url = f"/bookings/{booking['id']}"
    assert refused_names(await guest.post(f"{url}/cancel", body)) == [name]
    assert (await guest.get(url)).json() == booking
    # As it is not taken, its lack is said to whoever asks for nothing else.
    nothings: list[Any] = [{}, None]
    for nothing in nothings:
        assert (await guest.post(f"{url}/cancel", nothing)).json()["status"] == "cancelled"


async def test_a_confirmation_takes_no_name(guest: User, published: Publish) -> None:
    event = await published(capacity=3)
    held = (await guest.book(event, 2, hold=True)).json()
    url = f"/bookings/{held['id']}"
    for body in ({"seat_ids": [held["seats"][0]["id"]]}, {"quantity": 1}):
        assert refused_names(await guest.post(f"{url}/confirm", body)) == list(body)
    assert (await guest.get(url)).json()["status"] == "held"
    assert (await guest.post(f"{url}/confirm", {})).json()["status"] == "confirmed"


async def test_a_place_in_line_and_a_check_in_take_no_other_name(
    app: FastAPI, guest: User, organizer: User, published: Publish, user: MakeUser
) -> None:
    event = await published(capacity=1)
    booking = (await guest.book(event)).json()
    line = f"/events/{event['id']}/waitlist"
    waits = user()
    answer = await waits.post(line, {"quantity": 1, "section": "Stalls"})
    assert refused_names(answer) == ["section"]
    assert (await waits.get(line)).status_code == 404
    code: str = booking["seats"][0]["ticket_code"]
    door = f"/events/{event['id']}/check-ins"
    answer = await organizer.post(door, {"ticket_code": code, "undo": True})
    assert refused_names(answer) == ["undo"]
    [ticket] = await rows(
        app, "SELECT checked_in_at FROM ticket WHERE booking_id = :id", id=booking["id"]
    )
    assert ticket.checked_in_at is None

"""Joining the line for an event that has too few seats, and leaving it."""

from datetime import datetime
from typing import Any

import pytest
from fastapi import FastAPI

from tests.event_bodies import event_body
from tests.events.conftest import Publish, User, messages, problem
from tests.events.waitlist import (
    MakeUser,
    SoldOut,
    cancel,
    change,
    is_in_line,
    join,
    place_of,
)


async def test_who_joins_stands_at_the_end(sold_out: SoldOut, user: MakeUser) -> None:
    event, _, _ = sold_out
    first, second = user(), user()
    place = await join(first, event, 2)
    assert (place["status"], place["position"], place["quantity"]) == ("waiting", 1, 2)
    assert place["offer"] is None
    assert place["joined_at"].endswith("Z")
    assert place["reason"] == "You wait until 2 seats are free. You are the first in line."
    assert (await join(second, event))["position"] == 2
    assert (await place_of(second, event))["reason"].endswith("1 group is before you.")


async def test_nobody_waits_while_enough_seats_are_free(guest: User, published: Publish) -> None:
    event = await published(capacity=3)
    answer = await guest.post(f"/events/{event['id']}/waitlist", {"quantity": 3})
    assert problem(answer) == (409, "seats-available")
    assert answer.json()["available"] == 3
    assert (await guest.book(event)).status_code == 201
    assert (await join(guest, event, 3))["position"] == 1


async def test_one_waits_once(sold_out: SoldOut, guest: User) -> None:
    event, _, _ = sold_out
    await join(guest, event)
    answer = await guest.post(f"/events/{event['id']}/waitlist", {"quantity": 2})
    assert problem(answer) == (409, "already-waiting")
    assert (await place_of(guest, event))["quantity"] == 1


async def test_what_one_waits_for_counts_towards_the_limit(sold_out: SoldOut, guest: User) -> None:
    event, _, _ = sold_out
    url = f"/events/{event['id']}/waitlist"
    assert problem(await guest.post(url, {"quantity": 5})) == (409, "never-available")
    assert not await is_in_line(guest, event)
    await join(guest, event, 4)
    assert problem(await guest.book(event)) == (409, "seat-limit-reached")
    assert (await guest.delete(url)).status_code == 204
    assert problem(await guest.book(event)) == (409, "sold-out")


@pytest.mark.parametrize(
    "sales",
    [
        {"sales_start": "2099-01-01T00:00:00Z", "sales_end": None},
        {"sales_start": None, "sales_end": "2020-01-01T00:00:00Z"},
    ],
)
async def test_nobody_waits_outside_the_sales_window(
    app: FastAPI, sold_out: SoldOut, guest: User, sales: dict[str, str | None]
) -> None:
    event, _, _ = sold_out
    times = {k: datetime.fromisoformat(v) if v else None for k, v in sales.items()}
    await change(
        app,
        "UPDATE event SET sales_start = :sales_start, sales_end = :sales_end WHERE id = :id",
        id=event["id"],
        **times,
    )
    answer = await guest.post(f"/events/{event['id']}/waitlist", {"quantity": 1})
    assert problem(answer) == (409, "sales-closed")


async def test_a_cancelled_event_has_no_line(
    app: FastAPI, organizer: User, sold_out: SoldOut, guest: User, user: MakeUser
) -> None:
    event, _, _ = sold_out
    await join(guest, event)
    await organizer.post(f"/events/{event['id']}/cancel", {"reason": "Ill"})
    assert not await is_in_line(guest, event)
    answer = await user().post(f"/events/{event['id']}/waitlist", {"quantity": 1})
    assert problem(answer) == (409, "sales-closed")
    told = await messages(app, event["id"], "event-cancelled")
    assert [m["data"]["booking_ids"] for m in told if m["user_id"] == str(guest.id)] == [[]]


async def test_a_line_is_ones_own_business(
    sold_out: SoldOut, guest: User, user: MakeUser, anybody: Any
) -> None:
    event, _, _ = sold_out
    url = f"/events/{event['id']}/waitlist"
    await join(guest, event)
    assert problem(await user().get(url)) == (404, "not-found")
    assert problem(await user().delete(url)) == (404, "not-found")
    for method in ("GET", "POST", "DELETE"):
        answer = await anybody.request(method, url)
        assert problem(answer) == (401, "not-authenticated")
    nowhere = "/events/0198c0de-0000-7000-8000-000000000000/waitlist"
    assert problem(await guest.post(nowhere, {"quantity": 1})) == (404, "not-found")


async def test_a_strangers_draft_cannot_be_waited_for(organizer: User, guest: User) -> None:
    draft = (await organizer.post("/events", event_body())).json()
    url = f"/events/{draft['id']}/waitlist"
    assert problem(await guest.post(url, {"quantity": 30})) == (404, "not-found")
    assert problem(await organizer.post(url, {"quantity": 30})) == (409, "sales-closed")


@pytest.mark.parametrize("quantity", [0, -1, 100_001, "2", 1.5, None, True])
async def test_a_group_is_a_whole_number(sold_out: SoldOut, guest: User, quantity: Any) -> None:
    answer = await guest.post(f"/events/{sold_out[0]['id']}/waitlist", {"quantity": quantity})
    assert problem(answer) == (422, "invalid-request")


async def test_who_leaves_makes_room(sold_out: SoldOut, user: MakeUser) -> None:
    event, holder, booking = sold_out
    first, second = user(), user()
    await join(first, event)
    await join(second, event)
    assert (await first.delete(f"/events/{event['id']}/waitlist")).status_code == 204
    again = await first.delete(f"/events/{event['id']}/waitlist")
    assert problem(again) == (404, "not-found")
    assert (await place_of(second, event))["position"] == 1
    assert (await join(first, event))["position"] == 2
    await cancel(holder, booking)
    assert (await place_of(second, event))["status"] == "offered"

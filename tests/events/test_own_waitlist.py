"""Where one waits, as a list; and waiting for what can never be had."""

import base64
import json
from typing import Any

import pytest

from tests.events.conftest import Json, Publish, User, problem
from tests.events.waitlist import MakeUser, cancel, join, place_of


@pytest.mark.parametrize(("quantity", "most"), [(5, 3), (4, 3), (100_000, 3), (3, None), (1, None)])
async def test_nobody_waits_for_more_than_one_person_may_have(
    published: Publish, user: MakeUser, guest: User, quantity: int, most: int | None
) -> None:
    event = await published(capacity=4, max_seats_per_user=3)
    for seats in (3, 1):
        assert (await user().book(event, seats)).status_code == 201
    answer = await guest.post(f"/events/{event['id']}/waitlist", {"quantity": quantity})
    if most is None:
        assert answer.status_code == 201
    else:
        assert problem(answer) == (409, "never-available")
        assert answer.json()["most"] == most
        assert (await guest.get(f"/events/{event['id']}/waitlist")).status_code == 404


@pytest.mark.parametrize("is_sold_out", [True, False])
async def test_nobody_waits_for_more_than_the_event_has(
    published: Publish, user: MakeUser, guest: User, is_sold_out: bool
) -> None:
    event = await published(capacity=4, max_seats_per_user=50)
    if is_sold_out:
        assert (await user().book(event, 4)).status_code == 201
    answer = await guest.post(f"/events/{event['id']}/waitlist", {"quantity": 5})
    assert problem(answer) == (409, "never-available")
    assert answer.json()["most"] == 4


async def test_one_reads_where_one_waits_the_latest_first(
    published: Publish, user: MakeUser, guest: User
) -> None:
    assert (await guest.get("/waitlist")).json() == {"items": [], "next_cursor": None}
    holder, other = user(), user()
    events = [await published(capacity=1) for _ in range(5)]
    booked = [(await holder.book(event)).json() for event in events]
    await join(other, events[0])
    for event in events:
        await join(guest, event)
    await cancel(holder, booked[4])
    expected = [{**await place_of(guest, event), "event_id": event["id"]} for event in events[::-1]]
    assert [entry["status"] for entry in expected] == ["offered", *["waiting"] * 4]
    assert [entry["position"] for entry in expected] == [0, 1, 1, 1, 2]
    shown: list[Json] = []
    cursor = ""
    while True:
        page = (await guest.get(f"/waitlist?limit=2{cursor}")).json()
        shown += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert shown == expected
    assert (await guest.delete(f"/events/{events[0]['id']}/waitlist")).status_code == 204
    assert len((await guest.get("/waitlist")).json()["items"]) == 4
    assert len((await other.get("/waitlist")).json()["items"]) == 1


@pytest.mark.parametrize(
    "key",
    [[2**63], [-1], [10**300], [1e300], ["x"], [None], [], [1, 2], [True, 1], {"a": 1}, "9" * 40],
)
async def test_a_forged_cursor_is_refused(guest: User, key: Any) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")
    answer = await guest.get(f"/waitlist?cursor={cursor}")
    assert problem(answer) == (422, "invalid-request")

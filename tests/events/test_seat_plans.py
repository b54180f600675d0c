"""The plan of a seat map: what the map has, in a fiftieth of its bytes."""

import httpx
import pytest
from fastapi import FastAPI

from event_service.events.seat_states import SeatStatesCache
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, problem
from tests.events.test_hall_plans import assigned, plan
from tests.events.test_seat_states import always_read, states_of

__all__ = ["always_read"]

KINDS = {"standard": "s", "accessible": "a", "blocked": "x"}


def as_plan(shown: Json) -> list[Json]:
    """The sections of a map in the form of its plan."""

    def row_of(row: Json) -> Json:
        by_column = {seat["column"]: KINDS[seat["kind"]] for seat in row["seats"]}
        letters = "".join(by_column.get(column + 1, "_") for column in range(max(by_column)))
        numbers = [seat["number"] for seat in row["seats"]]
        return {
            "name": row["name"],
            "columns": row["columns"],
            "letters": letters,
            "numbers": numbers,
        }

    return [
        {**section, "rows": [row_of(row) for row in section["rows"]]}
        for section in shown["sections"]
    ]


async def assert_same(client: User, event: Json) -> Json:
    """The plan says what the map says, and has as many seats as there are states; returns it."""
    answer = await client.get(f"/events/{event['id']}/seats/plan")
    assert answer.status_code == 200, answer.text
    shown = (await client.get(f"/events/{event['id']}/seats")).json()
    read: Json = answer.json()
    assert read["sections"] == as_plan(shown)
    seats = [number for one in read["sections"] for row in one["rows"] for number in row["numbers"]]
    assert len(seats) == len(await states_of(client, event))
    return read


@pytest.mark.usefixtures("always_read")
async def test_the_plan_is_that_of_the_map_also_when_the_hall_changes(
    published: Publish, organizer: User, guest: User
) -> None:
    event = await published(
        seating=assigned(A=["_s_sxa__", 3], B=["xs", "s" * 11]), price=700, max_seats_per_user=9
    )
    before = await assert_same(guest, event)
    assert before["version"] == event["version"]
    assert before["sections"][0]["rows"][0] == {
        "name": "1", "columns": 8, "letters": "_s_sxa", "numbers": [1, 2, 3, 4],
    }  # fmt: skip
    assert [section["price"] for section in before["sections"]] == [700, 700]
    sections = plan(B=["xs"], A=["ss_sxs", 3])
    sections[1]["rows"][0]["numbering"] = "odd-even"
    changed = await organizer.patch(f"/events/{event['id']}", {"sections": sections, "price": 800})
    assert changed.status_code == 200, changed.text
    after = await assert_same(guest, event)
    assert after["version"] == changed.json()["version"] > before["version"]
    assert [section["name"] for section in after["sections"]] == ["B", "A"]
    assert [section["price"] for section in after["sections"]] == [800, 800]


@pytest.mark.usefixtures("always_read")
async def test_a_booking_changes_nothing_of_the_plan_and_reads_it_not_anew(
    published: Publish, guest: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await published(seating=assigned(A=[3]))
    first = await guest.get(f"/events/{event['id']}/seats/plan")
    await guest.book(event, quantity=1)

    async def read(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(SeatStatesCache, "_read_plan", read)
    again = await guest.http.get(
        f"/events/{event['id']}/seats/plan", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert again.status_code == 304


async def test_general_admission_has_no_sections(published: Publish, guest: User) -> None:
    event = await published(capacity=3)
    answer = await guest.get(f"/events/{event['id']}/seats/plan")
    assert answer.json() == {"version": event["version"], "sections": []}


async def test_the_plan_of_a_draft_is_its_organizers(
    organizer: User, guest: User, anybody: httpx.AsyncClient
) -> None:
    draft = (await organizer.post("/events", event_body(seating=assigned(A=["sx"])))).json()
    url = f"/events/{draft['id']}/seats/plan"
    shown = await organizer.get(url)
    assert [one["letters"] for one in shown.json()["sections"][0]["rows"]] == ["sx"]
    assert shown.headers["Cache-Control"].startswith("no-store")
    for client in (guest, anybody):
        assert problem(await client.get(url)) == (404, "not-found")


async def test_the_plan_of_5000_seats_is_small(
    published: Publish, anybody: httpx.AsyncClient, app: FastAPI
) -> None:
    event = await published(seating=assigned(A=["s" * 25 + "_" + "s" * 25] * 100))
    answer = await anybody.get(
        f"/events/{event['id']}/seats/plan", headers={"Accept-Encoding": "gzip"}
    )
    assert len(answer.json()["sections"][0]["rows"]) == 100
    assert int(answer.headers["Content-Length"]) < 2_500

"""Rules by which the seats of a row are numbered, gaps behind the last seat, and the plan as it was sent."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from event_service.statuses import Numbering
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, problem
from tests.events.numbering import NUMBERS
from tests.events.test_copies import duplicate
from tests.events.test_hall_plans import seat_ids


def sections(*rows: Json) -> list[Json]:
    return [
        {
            "name": "Stalls",
            "price": None,
            "rows": [{"name": str(number)} | row for number, row in enumerate(rows, 1)],
        }
    ]


def assigned(*rows: Json) -> Json:
    return {"kind": "assigned", "sections": sections(*rows)}


async def shown_rows(user: User, event: Json) -> list[Json]:
    [section] = (await user.get(f"/events/{event['id']}/seats")).json()["sections"]
    rows: list[Json] = section["rows"]
    return rows


async def plan_of(user: User, event: Json) -> list[Json]:
    answer = await user.get(f"/events/{event['id']}/plan")
    assert answer.status_code == 200, answer.text
    plan: list[Json] = answer.json()["sections"]
    return plan


def test_every_rule_has_a_case() -> None:
    assert {rule for rule, _, _ in NUMBERS} == set(Numbering)


async def test_seats_are_numbered_by_the_rule_of_their_row(
    published: Publish, organizer: User
) -> None:
    rows = [{"seats": letters, "numbering": rule} for rule, letters, _ in NUMBERS]
    event = await published(seating=assigned(*rows))
    shown = await shown_rows(organizer, event)
    for row, (rule, letters, numbers) in zip(shown, NUMBERS, strict=True):
        assert [seat["number"] for seat in row["seats"]] == numbers, (rule, letters)
        assert [seat["column"] for seat in row["seats"]] == [
            column for column, letter in enumerate(letters, 1) if letter != "_"
        ], (rule, letters)
    assert event["capacity"] == sum(len(numbers) for _, _, numbers in NUMBERS) - 8


async def test_the_plan_is_answered_as_it_was_sent(published: Publish, organizer: User) -> None:
    sent = sections(
        {"seats": 4},
        {"seats": "_ss_", "numbering": "right"},
        {"seats": "s___", "numbering": "odd-even"},
        {"seats": "sax_"},
    )
    event = await published(seating={"kind": "assigned", "sections": sent})
    assert await plan_of(organizer, event) == sent
    assert [row["columns"] for row in await shown_rows(organizer, event)] == [4, 4, 4, 4]

    copy = (await duplicate(organizer, event)).json()
    assert await plan_of(organizer, copy) == sent
    hall = await organizer.post("/halls", {"name": "Hall", "event_id": event["id"]})
    assert hall.json()["sections"] == sent
    kept = (await organizer.get(f"/halls/{hall.json()['id']}")).json()["sections"]
    assert kept == sent


async def test_the_plan_is_the_organizers(
    published: Publish, organizer: User, user: Callable[..., User]
) -> None:
    event = await published(seating=assigned({"seats": 2}))
    draft = (await organizer.post("/events", event_body())).json()
    stranger = user()
    answer = await stranger.get(f"/events/{event['id']}/plan")
    assert problem(answer) == (403, "forbidden")
    assert problem(await stranger.get(f"/events/{draft['id']}/plan")) == (404, "not-found")
    assert (await user(superuser=True).get(f"/events/{event['id']}/plan")).status_code == 200
    assert await plan_of(organizer, draft) == []


async def test_a_booked_seat_keeps_its_number_under_another_rule(
    published: Publish, organizer: User, guest: User
) -> None:
    event = await published(seating=assigned({"seats": 4}), max_seats_per_user=9)
    url = f"/events/{event['id']}"
    ids = await seat_ids(guest, event)
    booked = (await guest.book(event, seat_ids=[ids["Stalls", "1", 1]])).json()

    mirrored = {"sections": sections({"seats": 4, "numbering": "right"})}
    changed = await organizer.patch(url, mirrored)
    assert (changed.status_code, changed.json()["version"]) == (200, event["version"] + 1)
    [row] = await shown_rows(guest, event)
    assert [(seat["number"], seat["state"]) for seat in row["seats"]] == [
        (4, "free"), (3, "free"), (2, "free"), (1, "booked")
    ]  # fmt: skip
    assert row["seats"][-1]["id"] == booked["seats"][0]["id"]
    again = await organizer.patch(url, mirrored)
    assert again.json()["version"] == changed.json()["version"]

    refused = await organizer.patch(
        url, {"sections": sections({"seats": 4, "numbering": "even-left"})}
    )
    assert (problem(refused), refused.json()["in_use"]) == ((409, "capacity-in-use"), 1)


@pytest.mark.parametrize(
    ("before", "after"),
    [({"seats": "s"}, {"seats": "s_"}), ({"seats": "s"}, {"seats": "s", "numbering": "right"})],
)
async def test_what_no_seat_shows_is_a_change_too(
    published: Publish, organizer: User, before: Json, after: Json
) -> None:
    event = await published(seating=assigned(before, {"seats": 2}))
    url = f"/events/{event['id']}"
    new = sections(after, {"seats": 2})
    changed = await organizer.patch(url, {"sections": new})
    assert changed.json()["version"] == event["version"] + 1
    expected = {"name": "1"} | after | ({"seats": 1} if after["seats"] == "s" else {})
    assert (await plan_of(organizer, event))[0]["rows"][0] == expected


async def test_an_unknown_rule_is_refused_beside_its_row(organizer: User) -> None:
    body = event_body(seating=assigned({"seats": 2}, {"seats": 2, "numbering": "middle"}))
    answer = await organizer.post("/events", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].endswith("rows.1.numbering")


async def test_rows_of_earlier_releases_are_numbered_from_the_left(
    published: Publish, organizer: User, app: FastAPI
) -> None:
    event = await published(seating=assigned({"seats": "ss_s"}))
    statement = """
        DELETE FROM seat_row USING section WHERE section.id = section_id AND event_id = :id
    """
    async with app.state.database.transaction() as session:
        await session.execute(text(statement), {"id": event["id"]})
    assert await plan_of(organizer, event) == sections({"seats": "ss_s"})
    [row] = await shown_rows(organizer, event)
    assert row["columns"] == 4

"""Events made from others: the same texts, prices, plan and image at another time, and nobody's bookings."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from event_service.settings import Settings
from service_kit.ids import new_id
from tests.event_bodies import event_body
from tests.events.conftest import (
    Json,
    Publish,
    User,
    problem,
    running_patiently,
)
from tests.events.test_images import picture, shown, stored
from tests.events.waitlist import change

MakeUser = Callable[..., User]
PLAN: list[Json] = [
    {
        "name": "Stalls",
        "price": 5000,
        "rows": [{"name": "A", "seats": "ss__aaxs"}, {"name": "B", "seats": 5}],
    },
    {"name": "Balcony", "rows": [{"name": "A", "seats": "_ss"}, {"name": "Z", "seats": "sxs"}]},
]
TIMES = ("starts_at", "ends_at", "doors_at", "sales_start", "sales_end", "cancellation_deadline")
TEXTS = (
    "title", "description", "category", "venue", "city", "timezone", "seating", "capacity", "price",
    "currency", "max_seats_per_user", "organizer_name", "payment_note",
)  # fmt: skip
WEEK = timedelta(days=7)


def moved(at: str, by: timedelta = WEEK) -> str:
    return (datetime.fromisoformat(at) + by).isoformat().replace("+00:00", "Z")


async def duplicate(user: User, event: Json, **body: object) -> httpx.Response:
    return await user.post(
        f"/events/{event['id']}/duplicate", {"starts_at": moved(event["starts_at"]), **body}
    )


def seats(plan: Json) -> list[tuple[Any, ...]]:
    return [
        (section["name"], section["price"], row["name"], seat["number"], seat["column"], seat["kind"],
         seat["state"])
        for section in plan["sections"] for row in section["rows"] for seat in row["seats"]
    ]  # fmt: skip


async def full(published: Publish, **more: object) -> Json:
    starts_at = datetime.fromisoformat(event_body()["starts_at"])
    times = {
        "doors_at": -timedelta(hours=1),
        "sales_start": -timedelta(days=60),
        "sales_end": -timedelta(hours=2),
        "cancellation_deadline": -timedelta(days=1),
    }
    return await published(
        description="An evening\nof songs", category="Jazz", organizer_name="Society",
        payment_note="In cash", max_seats_per_user=4, currency="GBP",
        **{name: (starts_at + by).isoformat() for name, by in times.items()}, **more,
    )  # fmt: skip


async def test_a_copy_has_everything_but_bookings_at_another_time(
    organizer: User, guest: User, published: Publish
) -> None:
    event = await full(published, seating={"kind": "assigned", "sections": PLAN})
    await guest.book(event, 2)
    answer = await duplicate(organizer, event)
    assert answer.status_code == 201, answer.text
    copy = answer.json()
    assert answer.headers["location"] == f"/api/v1/events/{copy['id']}"
    assert copy["id"] != event["id"] and answer.headers["etag"]
    assert (copy["status"], copy["version"], copy["seats_available"]) == ("draft", 1, 14)
    assert {name: copy[name] for name in TEXTS} == {name: event[name] for name in TEXTS}
    assert {name: copy[name] for name in TIMES} == {name: moved(event[name]) for name in TIMES}
    free = [
        (*of[:-1], "free" if of[-1] == "booked" else of[-1])
        for of in seats((await organizer.get(f"/events/{event['id']}/seats")).json())
    ]
    assert seats((await organizer.get(f"/events/{copy['id']}/seats")).json()) == free
    # The copy can be sold, and changes apart from the first.
    published_copy = await organizer.post(f"/events/{copy['id']}/publish")
    assert published_copy.status_code == 200
    assert (await guest.book(copy, 2, section="Stalls")).status_code == 201
    assert await guest.get(f"/bookings?event_id={copy['id']}")


async def test_a_copy_of_a_general_event_has_its_capacity_and_a_title_of_its_own(
    organizer: User, published: Publish
) -> None:
    event = await published(capacity=7)
    copy = (await duplicate(organizer, event, title="Spring concert")).json()
    assert (copy["title"], copy["capacity"], copy["seats_available"]) == ("Spring concert", 7, 7)
    assert [copy[name] for name in ("doors_at", "sales_start", "sales_end")] == [None] * 3
    assert copy["cancellation_deadline"] == copy["starts_at"]


async def test_a_plan_that_was_changed_is_copied_as_it_is(
    organizer: User, published: Publish
) -> None:
    event = await published(seating={"kind": "assigned", "sections": PLAN})
    other = [{"name": "Balcony", "rows": [{"name": "Z", "seats": "s_sx"}]}, PLAN[0]]
    await organizer.patch(f"/events/{event['id']}", {"sections": other})
    copy = (await duplicate(organizer, event)).json()
    first, second = [
        (await organizer.get(f"/events/{of['id']}/seats")).json() for of in (event, copy)
    ]
    assert seats(first) == seats(second)


async def test_the_image_is_copied_and_each_event_has_its_own(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published()
    url = await stored(organizer, event, picture(700, 500))
    copy = (await duplicate(organizer, event)).json()
    assert copy["image_url"] == url.replace(event["id"], copy["id"])
    await organizer.delete(f"/events/{event['id']}/image")
    image = await shown(organizer.http, copy["image_url"])
    assert image.size == (700, 500)


async def test_a_cancelled_and_an_old_event_can_be_copied(
    app: FastAPI, organizer: User, published: Publish
) -> None:
    event = await published()
    await organizer.post(f"/events/{event['id']}/cancel")
    # Of a release that did not check currencies.
    await change(app, "UPDATE event SET currency = 'ABC' WHERE id = :id", id=event["id"])
    copy = await duplicate(organizer, event)
    assert (copy.status_code, copy.json()["status"]) == (201, "draft")


async def test_a_copy_is_made_by_the_organizer_and_superusers_and_is_theirs(
    organizer: User, user: MakeUser, anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published()
    draft = (await organizer.post("/events", event_body())).json()
    assert problem(await duplicate(user(), event)) == (403, "forbidden")
    assert problem(await duplicate(user(), draft)) == (404, "not-found")
    url = f"/events/{event['id']}/duplicate"
    assert problem(await anybody.post(url, json={})) == (401, "not-authenticated")
    superuser = user(superuser=True)
    assert (await duplicate(superuser, event)).json()["organizer_id"] == str(superuser.id)
    missing = await duplicate(organizer, event | {"id": str(new_id())})
    assert problem(missing) == (404, "not-found")


@pytest.mark.parametrize(
    "body",
    [
        {"starts_at": "2020-01-01T10:00:00Z"},
        {"starts_at": None},
        {"starts_at": "soon"},
        {"starts_at": 1_900_000_000},
        {"title": ""},
        {"title": "x" * 201},
        {"city": "Berlin"},
    ],
)
async def test_what_is_no_copy_is_refused(
    organizer: User, published: Publish, body: dict[str, object]
) -> None:
    event = await published()
    answer = await duplicate(organizer, event, **body)
    assert problem(answer) == (422, "invalid-request")


async def test_the_limit_of_seats_in_drafts_holds_for_copies(
    settings: Settings, organizer: User, published: Publish
) -> None:
    event = await published(seating={"kind": "assigned", "sections": PLAN})
    limited = settings.model_copy(update={"max_draft_seats": 31})
    async with running_patiently(limited) as app:
        other = User(app, organizer.id)
        # 14 seats and 2 that are blocked.
        assert (await duplicate(other, event)).status_code == 201
        assert problem(await duplicate(other, event)) == (409, "too-many-draft-seats")
        await other.http.aclose()

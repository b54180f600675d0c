"""What an organizer reads of an event's sales."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
from fastapi import FastAPI

from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, problem
from tests.events.test_holds import let_lapse
from tests.events.waitlist import change, join

MakeUser = Callable[..., User]
NOTHING = {"booked": 0, "held": 0, "checked_in": 0, "waiting": 0, "revenue": 0}


async def sales(organizer: User, event: Json) -> Json:
    answer = await organizer.get(f"/events/{event['id']}/sales")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body: Json = answer.json()
    return body


def plan(**prices: int) -> Json:
    rows = [{"name": "A", "seats": 4}]
    of = [{"name": name, "price": price, "rows": rows} for name, price in prices.items()]
    return {"kind": "assigned", "sections": of}


async def test_sales_are_summed_up_as_they_are_now(
    app: FastAPI, organizer: User, user: MakeUser, published: Publish
) -> None:
    event = await published(capacity=6, max_seats_per_user=6)
    assert await sales(organizer, event) == NOTHING | {"sections": [], "days": []}
    guest = user()
    booking = (await guest.book(event, 3)).json()
    gone = (await guest.book(event, 1)).json()
    await guest.post(f"/bookings/{gone['id']}/cancel")
    lapsed = (await user().book(event, 1, hold=True)).json()
    await let_lapse(app, lapsed)
    await user().book(event, 2, hold=True)
    code = booking["seats"][0]["ticket_code"]
    await organizer.post(f"/events/{event['id']}/check-ins", {"ticket_code": code})
    seat = booking["seats"][1]["id"]
    await change(app, "UPDATE ticket SET checked_in_at = NULL WHERE seat_id = :id", id=seat)
    await join(user(), event, 2)
    body = await sales(organizer, event)
    [day] = body.pop("days")
    assert body == {
        "booked": 3, "held": 2, "checked_in": 1, "waiting": 2, "revenue": 7500, "sections": []
    }  # fmt: skip
    assert (day["seats"], day["revenue"]) == (3, 7500)
    assert abs((datetime.fromisoformat(day["date"]) - datetime.now()).days) <= 1


async def test_each_section_has_its_own_sum_in_the_order_of_the_plan(
    organizer: User, user: MakeUser, published: Publish
) -> None:
    event = await published(seating=plan(Stalls=5000, Balcony=1000, Attic=700))
    guest = user()
    for section, quantity in (("Balcony", 2), ("Stalls", 3)):
        answer = await guest.book(event, quantity, section=section)
        assert answer.status_code == 201
    held = await user().book(event, 1, section="Attic", hold=True)
    assert held.status_code == 201
    body = await sales(organizer, event)
    assert body["sections"] == [
        {"name": "Stalls", "capacity": 4, "booked": 3, "revenue": 15000},
        {"name": "Balcony", "capacity": 4, "booked": 2, "revenue": 2000},
        {"name": "Attic", "capacity": 4, "booked": 0, "revenue": 0},
    ]
    assert body["revenue"] == sum(section["revenue"] for section in body["sections"])
    assert (body["booked"], body["held"]) == (5, 1)


async def test_a_sale_belongs_to_the_day_in_the_event_s_zone_on_which_it_was_confirmed(
    app: FastAPI, organizer: User, user: MakeUser, published: Publish
) -> None:
    # Chatham lies 12:45 before UTC in winter there.
    event = await published(timezone="Pacific/Chatham", capacity=20)
    moments = (
        (datetime(2026, 7, 1, 11, 14, 59, tzinfo=UTC), None),
        (datetime(2026, 7, 1, 11, 15, tzinfo=UTC), None),
        (datetime(2026, 7, 1, 3, tzinfo=UTC), datetime(2026, 7, 3, 0, tzinfo=UTC)),
        (datetime(2026, 7, 1, 20, tzinfo=UTC), None),
    )
    for created_at, confirmed_at in moments:
        booking = (await user().book(event)).json()
        await change(
            app,
            "UPDATE booking SET created_at = :created_at, confirmed_at = :confirmed_at WHERE id = :id",
            id=booking["id"], created_at=created_at, confirmed_at=confirmed_at,
        )  # fmt: skip
    assert (await sales(organizer, event))["days"] == [
        {"date": "2026-07-01", "seats": 1, "revenue": 2500},
        {"date": "2026-07-02", "seats": 2, "revenue": 5000},
        {"date": "2026-07-03", "seats": 1, "revenue": 2500},
    ]


async def test_a_cancelled_seat_leaves_the_sums(
    organizer: User, user: MakeUser, published: Publish
) -> None:
    event = await published(seating=plan(Stalls=5000), price=100)
    guest = user()
    booking = (await guest.book(event, 3)).json()
    seat = booking["seats"][0]["id"]
    await guest.post(f"/bookings/{booking['id']}/cancel", {"seat_ids": [seat]})
    body = await sales(organizer, event)
    assert (body["booked"], body["revenue"]) == (2, 10_000)
    assert body["sections"][0]["booked"] == body["days"][0]["seats"] == 2
    assert body["days"][0]["revenue"] == 10_000


async def test_sales_are_for_the_organizer_and_superusers(
    organizer: User, user: MakeUser, anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published(capacity=2)
    draft = (await organizer.post("/events", event_body())).json()
    url = f"/events/{event['id']}/sales"
    assert problem(await user().get(url)) == (403, "forbidden")
    assert problem(await anybody.get(url)) == (401, "not-authenticated")
    assert problem(await user().get(f"/events/{draft['id']}/sales")) == (404, "not-found")
    superuser = user(superuser=True)
    for someone in (organizer, superuser):
        for of in (event, draft):
            assert (await sales(someone, of))["booked"] == 0

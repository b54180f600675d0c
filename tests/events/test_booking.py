"""Booking seats: all or none, once, by whom and when."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI

from tests.event_bodies import event_body
from tests.events.conftest import Publish, User, messages, problem, sections

MakeUser = Callable[..., User]


async def availability(user: User, event: dict[str, object]) -> dict[str, int]:
    answer: dict[str, int] = (await user.get(f"/events/{event['id']}/availability")).json()
    return answer


async def test_a_quantity_is_booked_with_a_ticket_for_each_seat(
    guest: User, published: Publish
) -> None:
    event = await published(capacity=20, price=2500)
    answer = await guest.book(event, 3)
    booking = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/bookings/{booking['id']}"
    assert (booking["status"], booking["total"], booking["currency"]) == ("confirmed", 7500, "EUR")
    assert len({seat["ticket_code"] for seat in booking["seats"]}) == 3
    assert (await availability(guest, event))["available"] == 17


async def test_chosen_seats_are_named_and_priced_by_section(
    guest: User, published: Publish
) -> None:
    plan = sections(("Stalls", "A", 4), ("Balcony", "B", 2))
    plan[1]["price"] = 900
    event = await published(price=2000, seating={"kind": "assigned", "sections": plan})
    seat_map = (await guest.get(f"/events/{event['id']}/seats")).json()
    stalls, balcony = seat_map["sections"]
    assert (stalls["price"], balcony["price"]) == (2000, 900)
    wanted = [stalls["rows"][0]["seats"][2]["id"], balcony["rows"][0]["seats"][0]["id"]]
    booking = (await guest.book(event, seat_ids=wanted)).json()
    places = [(s["section"], s["row"], s["number"]) for s in booking["seats"]]
    assert places == [("Stalls", "A", 3), ("Balcony", "B", 1)]
    assert booking["total"] == 2900
    after = (await guest.get(f"/events/{event['id']}/seats")).json()
    assert after["sections"][0]["rows"][0]["seats"][2]["state"] == "booked"
    assert after["sections"][0]["rows"][0]["seats"][1]["state"] == "free"


async def test_many_dear_seats_add_up(guest: User, published: Publish) -> None:
    event = await published(price=1_000_000_000)
    booked = await guest.book(event, 5)
    assert booked.status_code == 201
    assert booked.json()["total"] == 5_000_000_000


async def test_one_taken_seat_refuses_all_and_says_which(
    user: MakeUser, published: Publish
) -> None:
    plan = sections(("Stalls", "A", 3))
    event = await published(seating={"kind": "assigned", "sections": plan})
    first, second = user(), user()
    seats = (await first.get(f"/events/{event['id']}/seats")).json()
    ids = [seat["id"] for seat in seats["sections"][0]["rows"][0]["seats"]]
    assert (await first.book(event, seat_ids=ids[:1])).status_code == 201
    refused = await second.book(event, seat_ids=ids)
    assert problem(refused) == (409, "seats-unavailable")
    assert refused.json()["seat_ids"] == ids[:1]
    assert (await availability(second, event))["available"] == 2


async def test_sold_out_says_how_many_are_left(user: MakeUser, published: Publish) -> None:
    event = await published(capacity=5)
    assert (await user().book(event, 3)).status_code == 201
    refused = await user().book(event, 3)
    assert problem(refused) == (409, "sold-out")
    assert refused.json()["available"] == 2
    assert (await user().book(event, 2)).status_code == 201
    assert problem(await user().book(event, 1)) == (409, "sold-out")


async def test_nobody_gets_more_than_the_limit_over_several_bookings(
    guest: User, user: MakeUser, published: Publish
) -> None:
    event = await published(capacity=20, max_seats_per_user=4)
    assert (await guest.book(event, 3)).status_code == 201
    assert problem(await guest.book(event, 2)) == (409, "seat-limit-reached")
    assert (await guest.book(event, 1, hold=True)).status_code == 201
    assert problem(await guest.book(event, 1)) == (409, "seat-limit-reached")
    assert (await user().book(event, 4)).status_code == 201


async def test_cancelling_frees_the_seats_and_the_limit_once(
    guest: User, published: Publish, app: FastAPI
) -> None:
    event = await published(capacity=4, max_seats_per_user=4)
    booking = (await guest.book(event, 4)).json()
    for _ in range(2):
        answer = await guest.post(f"/bookings/{booking['id']}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert await availability(guest, event) == {
        "capacity": 4,
        "available": 4,
        "held": 0,
        "booked": 0,
    }
    assert (await guest.book(event, 4)).status_code == 201
    assert len(await messages(app, event["id"], "booking-cancelled")) == 1


async def test_a_confirmed_booking_leaves_one_message_without_address_or_name(
    guest: User, published: Publish, app: FastAPI
) -> None:
    event = await published(capacity=4)
    booking = (await guest.book(event, 2)).json()
    (message,) = await messages(app, event["id"], "booking-confirmed")
    assert message["topic"] == "booking.confirmed.v1"
    assert message["user_id"] == str(guest.id)
    assert message["dedup_key"] == f"booking-confirmed:{booking['id']}"
    assert message["data"]["seats"] == booking["seats"]
    assert message["data"]["event"]["timezone"] == "Europe/Berlin"


async def test_a_hold_counts_until_it_is_confirmed_and_tells_nobody_before(
    guest: User, published: Publish, app: FastAPI
) -> None:
    event = await published(capacity=4)
    held = (await guest.book(event, 2, hold=True)).json()
    assert held["status"] == "held"
    assert await availability(guest, event) == {
        "capacity": 4,
        "available": 2,
        "held": 2,
        "booked": 0,
    }
    assert await messages(app, event["id"], "booking-confirmed") == []
    for _ in range(2):
        answer = await guest.post(f"/bookings/{held['id']}/confirm")
        assert (answer.status_code, answer.json()["status"]) == (200, "confirmed")
    assert (await availability(guest, event))["booked"] == 2
    assert len(await messages(app, event["id"], "booking-confirmed")) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"quantity": 0},
        {"quantity": -1},
        {"quantity": 1.5},
        {"quantity": "2"},
        {"quantity": 1, "hold": 0},
        {"quantity": 1, "hold": "no"},
        {"quantity": 10**9},
        {"seat_ids": []},
        {"seat_ids": ["x"]},
        {"quantity": 1, "seat_ids": ["01a20a02-22cb-71d7-8ae8-18871b69fee0"]},
        {"seat_ids": ["01a20a02-22cb-71d7-8ae8-18871b69fee0"] * 2},
    ],
)
async def test_a_booking_that_makes_no_sense_is_refused(
    guest: User, published: Publish, body: dict[str, object]
) -> None:
    event = await published(capacity=4)
    refused = await guest.post("/bookings", {"event_id": event["id"], **body})
    assert problem(refused) == (422, "invalid-request")


async def test_a_seat_that_is_named_twice_is_refused_by_the_name_of_its_field(
    guest: User, published: Publish
) -> None:
    event = await published(capacity=4)
    twice = ["01a20a02-22cb-71d7-8ae8-18871b69fee0"] * 2
    refused = await guest.post("/bookings", {"event_id": event["id"], "seat_ids": twice})
    assert refused.json()["errors"] == [{"field": "seat_ids", "message": "a seat is named twice"}]


async def test_price_and_status_cannot_be_sent_along(guest: User, published: Publish) -> None:
    event = await published(capacity=4, price=2500)
    refused = await guest.book(event, 1, total=0, price=0, status="held", user_id="x")
    assert problem(refused) == (422, "invalid-request")
    named = {error["field"] for error in refused.json()["errors"]}
    assert named == {"total", "price", "status", "user_id"}


async def test_seats_are_sold_only_while_sales_are_open(
    organizer: User, guest: User, published: Publish
) -> None:
    now = datetime.now(UTC)
    early = await published(sales_start=(now + timedelta(hours=1)).isoformat())
    late = await published(sales_end=(now - timedelta(hours=1)).isoformat())
    past = await published(
        starts_at=(now - timedelta(hours=3)).isoformat(),
        ends_at=(now - timedelta(hours=1)).isoformat(),
    )
    cancelled = await published()
    await organizer.post(f"/events/{cancelled['id']}/cancel")
    for event in (early, late, past, cancelled):
        assert problem(await guest.book(event)) == (409, "sales-closed")


async def test_a_draft_cannot_be_booked_and_is_not_told_of(
    organizer: User, guest: User, published: Publish
) -> None:
    draft = (await organizer.post("/events", event_body())).json()
    assert problem(await guest.book(draft)) == (404, "not-found")
    assert problem(await organizer.book(draft)) == (409, "sales-closed")


async def test_another_persons_booking_looks_like_none(
    guest: User, user: MakeUser, published: Publish
) -> None:
    booking = (await guest.book(await published())).json()
    stranger = user()
    unknown = "0198c0de-0000-7000-8000-000000000000"
    for path in ("/bookings/{}", "/bookings/{}/cancel", "/bookings/{}/confirm"):
        send = stranger.get if path.endswith("{}") else stranger.post
        theirs, none = await send(path.format(booking["id"])), await send(path.format(unknown))
        assert problem(theirs) == problem(none) == (404, "not-found")
    assert (await guest.get(f"/bookings/{booking['id']}")).json()["status"] == "confirmed"


async def test_the_same_key_books_once_and_answers_with_the_booking_as_it_is(
    guest: User, published: Publish
) -> None:
    event = await published(capacity=4)
    first = await guest.book(event, 2, key="my-key")
    again = await guest.book(event, 2, key="my-key")
    assert again.status_code == 201
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert again.json() == first.json()
    await guest.post(f"/bookings/{first.json()['id']}/cancel")
    assert (await guest.book(event, 2, key="my-key")).json()["status"] == "cancelled"


async def test_a_key_is_bound_to_its_body_and_its_owner(
    guest: User, user: MakeUser, published: Publish
) -> None:
    event = await published(capacity=4)
    first = (await guest.book(event, 1, key="k")).json()
    assert problem(await guest.book(event, 2, key="k")) == (422, "idempotency-mismatch")
    other = await user().book(event, 1, key="k")
    assert other.status_code == 201
    assert other.json()["id"] != first["id"]


async def test_a_refused_booking_leaves_its_key_free(user: MakeUser, published: Publish) -> None:
    event = await published(capacity=2)
    first, second = user(), user()
    booking = (await first.book(event, 2)).json()
    assert problem(await second.book(event, 1, key="k")) == (409, "sold-out")
    await first.post(f"/bookings/{booking['id']}/cancel")
    assert (await second.book(event, 1, key="k")).status_code == 201


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"with space", "ключ".encode()])
async def test_a_key_that_is_none_is_refused(guest: User, published: Publish, key: bytes) -> None:
    event = await published()
    refused = await guest.http.post(
        "/bookings",
        json={"event_id": event["id"], "quantity": 1},
        headers={b"Idempotency-Key": key},
    )
    assert problem(refused) == (422, "invalid-request")


async def test_own_bookings_are_listed_newest_first_in_pages(
    guest: User, published: Publish
) -> None:
    event = await published()
    booked = [(await guest.book(event)).json()["id"] for _ in range(3)]
    first = (await guest.get("/bookings?limit=2")).json()
    rest = (await guest.get(f"/bookings?limit=2&cursor={first['next_cursor']}")).json()
    assert [b["id"] for b in first["items"] + rest["items"]] == booked[::-1]
    assert rest["next_cursor"] is None
    await guest.post(f"/bookings/{booked[0]}/cancel")
    cancelled = (await guest.get("/bookings?status=cancelled")).json()
    assert [b["id"] for b in cancelled["items"]] == booked[:1]


async def test_who_is_nobody_is_asked_to_sign_in_before_anything_else(
    anybody: httpx.AsyncClient,
) -> None:
    for body in (b"{not json", b'{"quantity": -1}'):
        refused = await anybody.post("/bookings", content=body)
        assert problem(refused) == (401, "not-authenticated")
        assert refused.headers["www-authenticate"] == "Bearer"

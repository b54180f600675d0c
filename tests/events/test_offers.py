"""What comes free goes to the line: first in, first out, for whom it fits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from event_service.bookings.waitlist.explanations import explain
from tests.events.conftest import Publish, User, messages, problem, sections
from tests.events.waitlist import (
    MakeUser,
    SoldOut,
    cancel,
    change,
    is_in_line,
    join,
    let_lapse,
    place_of,
    sweep,
)


async def test_cancelled_seats_are_held_for_the_first_in_line(
    app: FastAPI, sold_out: SoldOut, guest: User, user: MakeUser
) -> None:
    event, holder, booking = sold_out
    await join(guest, event, 4)
    await cancel(holder, booking)
    place = await place_of(guest, event)
    assert (place["status"], place["position"]) == ("offered", 0)
    assert place["reason"].startswith("It is your turn: 4 seats are held for you")
    offer = place["offer"]
    held = (await guest.get(f"/bookings/{offer['booking_id']}")).json()
    assert (held["status"], len(held["seats"]), held["total"]) == ("held", 4, 10_000)
    assert held["expires_at"] == offer["expires_at"]
    left = datetime.fromisoformat(offer["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    (told,) = await messages(app, event["id"], "waitlist-offer")
    assert told["user_id"] == str(guest.id)
    assert told["topic"] == "waitlist.offered.v1"
    data = told["data"]
    assert set(data) == {"event_id", "event", "booking_id", "quantity", "expires_at"}
    assert (data["booking_id"], data["quantity"]) == (offer["booking_id"], 4)
    assert data["event"]["title"] == "Winter concert"
    assert problem(await user().book(event)) == (409, "sold-out")
    shown = (await guest.get(f"/events/{event['id']}/availability")).json()
    assert shown == {"capacity": 4, "available": 0, "held": 4, "booked": 0}


async def test_a_confirmed_offer_is_a_booking_and_ends_the_waiting(
    app: FastAPI, sold_out: SoldOut, guest: User
) -> None:
    event, holder, booking = sold_out
    await join(guest, event, 2)
    await cancel(holder, booking)
    offer = (await place_of(guest, event))["offer"]
    confirmed = await guest.post(f"/bookings/{offer['booking_id']}/confirm")
    assert confirmed.json()["status"] == "confirmed"
    assert not await is_in_line(guest, event)
    # Two of four: what was waited for has become what is booked, and counts once.
    assert (await guest.book(event, 2)).status_code == 201
    assert problem(await guest.book(event)) == (409, "seat-limit-reached")
    assert len(await messages(app, event["id"], "booking-confirmed")) == 3


async def test_an_offer_that_is_cancelled_goes_to_the_next(
    app: FastAPI, sold_out: SoldOut, user: MakeUser
) -> None:
    event, holder, booking = sold_out
    first, second, third = user(), user(), user()
    for someone in (first, second, third):
        await join(someone, event, 4)
    await cancel(holder, booking)
    offer = (await place_of(first, event))["offer"]
    await cancel(first, {"id": offer["booking_id"]})
    assert not await is_in_line(first, event)
    assert (await place_of(second, event))["status"] == "offered"
    assert (await second.delete(f"/events/{event['id']}/waitlist")).status_code == 204
    assert not await is_in_line(second, event)
    assert (await place_of(third, event))["status"] == "offered"
    assert len(await messages(app, event["id"], "waitlist-offer")) == 3


async def test_an_offer_that_lapses_goes_to_the_next_and_its_owner_leaves_the_line(
    app: FastAPI, sold_out: SoldOut, user: MakeUser
) -> None:
    event, holder, booking = sold_out
    first, second = user(), user()
    await join(first, event, 4)
    await join(second, event, 3)
    await cancel(holder, booking)
    offer = (await place_of(first, event))["offer"]
    await let_lapse(app, offer["booking_id"])
    assert not await is_in_line(first, event)
    answer = await first.post(f"/bookings/{offer['booking_id']}/confirm")
    assert problem(answer) == (409, "hold-expired")
    await sweep(app)
    assert (await place_of(second, event))["status"] == "offered"
    (told,) = await messages(app, event["id"], "hold-expired")
    assert told["user_id"] == str(first.id)
    assert (await first.get(f"/bookings/{offer['booking_id']}")).json()["status"] == "expired"
    assert (await join(first, event, 4))["position"] == 1


async def test_one_can_join_again_before_anybody_sweeps_the_lapsed_offer(
    app: FastAPI, sold_out: SoldOut, guest: User, user: MakeUser
) -> None:
    event, holder, booking = sold_out
    await join(guest, event, 4)
    await cancel(holder, booking)
    offer = (await place_of(guest, event))["offer"]
    await let_lapse(app, offer["booking_id"])
    answer = await guest.post(f"/events/{event['id']}/waitlist", {"quantity": 4})
    assert problem(answer) == (409, "seats-available")
    assert (await guest.book(event, 4)).status_code == 201


async def test_a_smaller_group_passes_a_larger_one_which_is_told_why(
    user: MakeUser, published: Publish
) -> None:
    event = await published(capacity=4)
    holder, large, small, smaller = user(), user(), user(), user()
    bookings = [(await holder.book(event)).json() for _ in range(4)]
    await join(large, event, 3)
    await join(small, event, 1)
    await join(smaller, event, 1)
    await cancel(holder, bookings[0])
    assert (await place_of(small, event))["status"] == "offered"
    place = await place_of(large, event)
    assert (place["status"], place["position"]) == ("waiting", 1)
    assert place["reason"] == (
        "A smaller group behind you went first, because fewer than the 3 seats that you wait for "
        "were free. You are the first in line."
    )
    assert (await place_of(smaller, event))["reason"].startswith("You wait until 1 seat is free.")
    await cancel(holder, bookings[1])
    assert (await place_of(large, event))["reason"].startswith("2 smaller groups behind you")


async def test_seats_add_up_until_the_group_fits(published: Publish, user: MakeUser) -> None:
    event = await published(capacity=3)
    holder, group = user(), user()
    bookings = [(await holder.book(event)).json() for _ in range(3)]
    await join(group, event, 3)
    for booking in bookings:
        assert (await place_of(group, event))["status"] == "waiting"
        await cancel(holder, booking)
    assert (await place_of(group, event))["status"] == "offered"


async def test_what_fits_nobody_in_line_is_anybodys(sold_out: SoldOut, user: MakeUser) -> None:
    event, holder, booking = sold_out
    group = user()
    await join(group, event, 3)
    await cancel(holder, booking)
    assert (await user().book(event)).status_code == 201


async def test_one_cancellation_serves_as_many_as_fit(sold_out: SoldOut, user: MakeUser) -> None:
    event, holder, booking = sold_out
    line = [user() for _ in range(4)]
    for someone, quantity in zip(line, (1, 2, 2, 1), strict=True):
        await join(someone, event, quantity)
    await cancel(holder, booking)
    states = [(await place_of(someone, event))["status"] for someone in line]
    assert states == ["offered", "offered", "waiting", "offered"]


async def test_more_capacity_is_offered_before_it_can_be_booked(
    app: FastAPI, organizer: User, sold_out: SoldOut, user: MakeUser
) -> None:
    event, _, _ = sold_out
    first, second = user(), user()
    await join(first, event, 2)
    await join(second, event, 2)
    answer = await organizer.patch(f"/events/{event['id']}", {"capacity": 9})
    assert answer.status_code == 200
    assert {(await place_of(u, event))["status"] for u in (first, second)} == {"offered"}
    shown = (await first.get(f"/events/{event['id']}/availability")).json()
    assert shown == {"capacity": 9, "available": 1, "held": 4, "booked": 4}


async def test_an_offer_of_assigned_seats_names_and_prices_them(
    published: Publish, user: MakeUser
) -> None:
    plan = sections(("Stalls", "A", 2), ("Balcony", "B", 1))
    plan[1]["price"] = 900
    event = await published(price=2000, seating={"kind": "assigned", "sections": plan})
    holder, group = user(), user()
    booking = (await holder.book(event, 3)).json()
    await join(group, event, 3)
    await cancel(holder, booking)
    offer = (await place_of(group, event))["offer"]
    held = (await group.get(f"/bookings/{offer['booking_id']}")).json()
    places = [(s["section"], s["row"], s["number"]) for s in held["seats"]]
    assert places == [("Stalls", "A", 1), ("Stalls", "A", 2), ("Balcony", "B", 1)]
    assert held["total"] == 4900
    codes = {seat["ticket_code"] for seat in held["seats"]}
    assert not codes & {seat["ticket_code"] for seat in booking["seats"]}


async def test_nothing_is_offered_outside_the_sales_window_and_all_when_it_opens_again(
    app: FastAPI, organizer: User, sold_out: SoldOut, guest: User, user: MakeUser
) -> None:
    event, holder, booking = sold_out
    await join(guest, event, 4)
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    await organizer.patch(f"/events/{event['id']}", {"sales_start": later})
    await cancel(holder, booking)
    await sweep(app)
    place = await place_of(guest, event)
    assert place["status"] == "waiting"
    assert "not on sale" in place["reason"]
    # The window opens by itself: no transaction of ours marks that moment.
    await change(app, "UPDATE event SET sales_start = NULL WHERE id = :id", id=event["id"])
    assert problem(await user().book(event)) == (409, "sold-out")
    assert (await place_of(guest, event))["status"] == "offered"


async def test_the_sweeper_offers_what_nobody_has_offered(
    app: FastAPI, sold_out: SoldOut, guest: User
) -> None:
    event, _, booking = sold_out
    await join(guest, event, 2)
    await change(app, "UPDATE seat SET booking_id = NULL WHERE booking_id = :id", id=booking["id"])
    await sweep(app)
    assert (await place_of(guest, event))["status"] == "offered"


async def test_no_offer_outlives_the_sale(organizer: User, sold_out: SoldOut, guest: User) -> None:
    event, holder, booking = sold_out
    ends = (datetime.now(UTC) + timedelta(minutes=5)).replace(microsecond=0)
    await organizer.patch(f"/events/{event['id']}", {"sales_end": ends.isoformat()})
    await join(guest, event)
    await cancel(holder, booking)
    offer = (await place_of(guest, event))["offer"]
    assert datetime.fromisoformat(offer["expires_at"]) == ends


async def test_a_lapsed_hold_belongs_to_the_line_before_anybody_sweeps(
    app: FastAPI, published: Publish, guest: User, user: MakeUser
) -> None:
    event = await published(capacity=2)
    held = (await user().book(event, 2, hold=True)).json()
    await join(guest, event, 1)
    await let_lapse(app, held["id"])
    # One of the two is for who waits, and the other for the newcomer.
    assert problem(await user().book(event, 2)) == (409, "sold-out")
    assert (await place_of(guest, event))["status"] == "offered"
    assert (await user().book(event)).status_code == 201


async def test_a_chosen_seat_of_a_lapsed_hold_belongs_to_the_line_too(
    app: FastAPI, published: Publish, guest: User, user: MakeUser
) -> None:
    plan = sections(("Stalls", "A", 1))
    event = await published(seating={"kind": "assigned", "sections": plan})
    held = (await user().book(event, hold=True)).json()
    await join(guest, event)
    await let_lapse(app, held["id"])
    answer = await user().book(event, seat_ids=[held["seats"][0]["id"]])
    assert problem(answer) == (409, "seats-unavailable")
    assert (await place_of(guest, event))["status"] == "offered"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"before": 2}, "You wait until 2 seats are free. 2 groups are before you."),
        (
            {"is_on_sale": False},
            "Seats of this event are not on sale now, so that none are offered.",
        ),
        (
            {"quantity": 1, "is_offered": True},
            "It is your turn: 1 seat is held for you until the offer ends.",
        ),
    ],
)
def test_reasons_are_plain_words(facts: dict[str, Any], words: str) -> None:
    plain = {
        "quantity": 2,
        "before": 0,
        "times_passed": 0,
        "is_offered": False,
        "is_on_sale": True,
    }
    assert explain(**(plain | facts)) == words

"""Some seats of a booking are cancelled: they are free or offered at once, and the booking keeps the rest."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from icalendar import Calendar

from event_service.bookings import cancel as cancelling
from event_service.bookings.sql import statements
from tests.events.conftest import Json, Publish, User, messages, problem, sections
from tests.events.mutants.rewriting import rewritten
from tests.events.test_cancellation import begin, check_ins, codes, let_in
from tests.events.waitlist import MakeUser, SoldOut, cancel, join, let_lapse, place_of, rows, sweep


def seat_ids(booking: Json) -> list[str]:
    return [seat["id"] for seat in booking["seats"]]


async def cancel_seats(user: User, booking: Json, *ids: str) -> Json:
    answer = await user.post(f"/bookings/{booking['id']}/cancel", {"seat_ids": list(ids)})
    assert answer.status_code == 200, answer.text
    shown: Json = answer.json()
    return shown


async def counts(user: User, event: Json) -> tuple[int, int, int]:
    shown = (await user.get(f"/events/{event['id']}/availability")).json()
    return shown["available"], shown["held"], shown["booked"]


@pytest.fixture
async def stalls(published: Publish) -> Json:
    """Three seats at 25.00 and one at 9.00."""
    plan = sections(("Stalls", "A", 3), ("Balcony", "B", 1))
    plan[1]["price"] = 900
    return await published(price=2500, seating={"kind": "assigned", "sections": plan})


async def test_the_named_seats_are_free_at_once_and_the_booking_keeps_the_others(
    app: FastAPI, stalls: Json, guest: User, user: MakeUser
) -> None:
    booking = (await guest.book(stalls, 4)).json()
    first, _, _, last = seat_ids(booking)
    left = await cancel_seats(guest, booking, last, first)
    assert (left["status"], left["total"]) == ("confirmed", 5000)
    assert left["seats"] == booking["seats"][1:3]
    assert (await guest.get(f"/bookings/{booking['id']}")).json() == left
    assert await counts(guest, stalls) == (2, 0, 2)
    assert (await user().book(stalls, seat_ids=[first, last])).status_code == 201
    # The limit of four counts what is left.
    assert problem(await guest.book(stalls)) == (409, "sold-out")
    counted = "SELECT seats FROM seat_allowance WHERE user_id = :id"
    assert [row.seats for row in await rows(app, counted, id=guest.id)] == [2]


async def test_the_guest_is_told_which_seats_are_cancelled_and_which_stay(
    app: FastAPI, stalls: Json, guest: User
) -> None:
    booking = (await guest.book(stalls, 4)).json()
    gone, stay = booking["seats"][:2], booking["seats"][2:]
    await cancel_seats(guest, booking, *[seat["id"] for seat in gone])
    [told] = await messages(app, stalls["id"], "seats-cancelled")
    assert told["user_id"] == str(guest.id)
    assert told["topic"] == "seats.cancelled.v1"
    data = told["data"]
    assert data["cancelled_seats"] == gone
    assert data["seats"] == stay
    assert (data["cancelled_quantity"], data["quantity"], data["total"]) == (2, 2, 3400)
    assert await messages(app, stalls["id"], "booking-cancelled") == []


async def test_each_of_several_cancellations_is_told_and_the_last_ends_the_booking(
    app: FastAPI, stalls: Json, guest: User
) -> None:
    booking = (await guest.book(stalls, 3)).json()
    first, second, third = seat_ids(booking)
    await cancel_seats(guest, booking, first)
    await cancel_seats(guest, booking, second)
    ended = await cancel_seats(guest, booking, third)
    assert ended["status"] == "cancelled"
    # What it had last: that is what was cancelled as a whole.
    assert seat_ids(ended) == [third]
    told = await messages(app, stalls["id"], "seats-cancelled")
    assert [[seat["id"] for seat in one["data"]["cancelled_seats"]] for one in told] == [
        [first],
        [second],
    ]
    assert len({one["dedup_key"] for one in told}) == 2
    [whole] = await messages(app, stalls["id"], "booking-cancelled")
    assert whole["data"]["quantity"] == 1
    assert await counts(guest, stalls) == (4, 0, 0)


async def test_all_seats_named_are_the_whole_booking(
    app: FastAPI, stalls: Json, guest: User
) -> None:
    booking = (await guest.book(stalls, 2)).json()
    ended = await cancel_seats(guest, booking, *seat_ids(booking))
    assert (ended["status"], ended["seats"]) == ("cancelled", booking["seats"])
    assert len(await messages(app, stalls["id"], "booking-cancelled")) == 1
    assert await messages(app, stalls["id"], "seats-cancelled") == []


async def test_repeated_it_changes_nothing_and_tells_nobody(
    app: FastAPI, stalls: Json, guest: User, user: MakeUser
) -> None:
    booking = (await guest.book(stalls, 3)).json()
    first, second, third = seat_ids(booking)
    once = await cancel_seats(guest, booking, first)
    somebody = (await user().book(stalls, seat_ids=[first])).json()
    assert await cancel_seats(guest, booking, first) == once
    assert await counts(guest, stalls) == (1, 0, 3)
    assert somebody["status"] == "confirmed"
    # One that is cancelled already may be named with others.
    assert seat_ids(await cancel_seats(guest, booking, first, second)) == [third]
    assert len(await messages(app, stalls["id"], "seats-cancelled")) == 2
    whole = await cancel_seats(guest, booking, first, second, third)
    assert whole["status"] == "cancelled"
    assert await cancel_seats(guest, booking, first) == whole
    # Not even after the deadline is it refused, since there is nothing to do.
    await begin(app, stalls, hours_ago=1)
    again = await cancel_seats(guest, booking, second)
    assert (again["status"], again["seats"]) == ("cancelled", whole["seats"])


async def test_seats_that_never_were_the_bookings_are_a_mistake(
    app: FastAPI, stalls: Json, guest: User, user: MakeUser
) -> None:
    booking = (await guest.book(stalls, 2)).json()
    other = (await user().book(stalls)).json()
    url = f"/bookings/{booking['id']}/cancel"
    for wrong in (seat_ids(other), [seat_ids(booking)[0], str(uuid4())]):
        answer = await guest.post(url, {"seat_ids": wrong})
        assert problem(answer) == (422, "invalid-request")
        assert [error["field"] for error in answer.json()["errors"]] == ["seat_ids"]
    twice = {"seat_ids": seat_ids(booking)[:1] * 2}
    assert problem(await guest.post(url, twice)) == (422, "invalid-request")
    assert problem(await user().post(url, {"seat_ids": seat_ids(booking)[:1]})) == (
        404,
        "not-found",
    )
    assert (await guest.get(f"/bookings/{booking['id']}")).json() == booking


async def test_a_used_ticket_hinders_itself_and_no_other(
    organizer: User, stalls: Json, guest: User
) -> None:
    booking = (await guest.book(stalls, 3)).json()
    used, other, third = seat_ids(booking)
    await let_in(organizer, stalls, codes(booking)[0])
    url = f"/bookings/{booking['id']}/cancel"
    for named in ([used], [used, other], [used, other, third]):
        answer = await guest.post(url, {"seat_ids": named})
        assert problem(answer) == (409, "checked-in")
        assert answer.json()["seat_ids"] == [used]
    assert seat_ids(await cancel_seats(guest, booking, other, third)) == [used]


async def test_after_the_deadline_no_seat_is_cancelled(
    app: FastAPI, stalls: Json, guest: User
) -> None:
    booking = (await guest.book(stalls, 2)).json()
    await begin(app, stalls, hours_ago=1)
    body = {"seat_ids": seat_ids(booking)[:1]}
    answer = await guest.post(f"/bookings/{booking['id']}/cancel", body)
    assert problem(answer) == (409, "cancellation-closed")


async def test_a_cancelled_ticket_opens_no_door_and_the_others_do(
    organizer: User, stalls: Json, guest: User
) -> None:
    booking = (await guest.book(stalls, 2)).json()
    first, second = seat_ids(booking)
    await cancel_seats(guest, booking, first)
    gone, stays = codes(booking)
    answer = await organizer.post(check_ins(stalls), {"ticket_code": gone})
    assert problem(answer) == (404, "not-found")
    assert problem(await organizer.delete(f"{check_ins(stalls)}/{gone}")) == (404, "not-found")
    await let_in(organizer, stalls, stays)
    tickets = f"/bookings/{booking['id']}/tickets"
    assert problem(await guest.get(f"{tickets}/{first}.svg")) == (404, "not-found")
    assert (await guest.get(f"{tickets}/{second}.svg")).status_code == 200
    listed = (await organizer.get(f"/events/{stalls['id']}/attendees.csv")).text
    assert gone not in listed and stays in listed
    file: Any = Calendar.from_ical(
        (await guest.get(f"/bookings/{booking['id']}/calendar.ics")).content
    )
    assert str(file.events[0]["STATUS"]) == "CONFIRMED"


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_nobody_is_let_in_while_a_ticket_is_cancelled(
    organizer: User,
    stalls: Json,
    guest: User,
    monkeypatch: pytest.MonkeyPatch,
    is_guarded: bool,
) -> None:
    """Between the look at the tickets and their end; without the lock somebody is let in meanwhile."""
    booking = (await guest.book(stalls, 2)).json()
    entering: list[asyncio.Task[Any]] = []
    find_tickets = cancelling._find_tickets

    async def look_and_wait(*arguments: Any) -> Any:
        found = await find_tickets(*arguments)
        body = {"ticket_code": codes(booking)[0]}
        entering.append(asyncio.create_task(organizer.post(check_ins(stalls), body)))
        await asyncio.wait(entering, timeout=0.5)
        return found

    monkeypatch.setattr(cancelling, "_find_tickets", look_and_wait)
    if not is_guarded:
        bare = rewritten(statements.lock_booking, ("FOR UPDATE", ""))
        monkeypatch.setattr(statements, "lock_booking", bare)
    await cancel_seats(guest, booking, seat_ids(booking)[0])
    assert (await entering[0]).status_code == (404 if is_guarded else 200)


async def test_a_hold_may_lose_seats_and_nobody_is_told(
    app: FastAPI, stalls: Json, guest: User
) -> None:
    held = (await guest.book(stalls, 3, hold=True)).json()
    first, second, third = seat_ids(held)
    left = await cancel_seats(guest, held, first)
    assert (left["status"], left["expires_at"]) == ("held", held["expires_at"])
    assert await counts(guest, stalls) == (2, 2, 0)
    confirmed = (await guest.post(f"/bookings/{held['id']}/confirm")).json()
    assert (confirmed["status"], seat_ids(confirmed)) == ("confirmed", [second, third])
    assert await counts(guest, stalls) == (2, 0, 2)
    assert await messages(app, stalls["id"], "seats-cancelled") == []
    [told] = await messages(app, stalls["id"], "booking-confirmed")
    assert told["data"]["quantity"] == 2


async def test_a_hold_that_has_lapsed_keeps_what_it_had(
    app: FastAPI, stalls: Json, guest: User
) -> None:
    held = (await guest.book(stalls, 2, hold=True)).json()
    await let_lapse(app, held["id"])
    for _ in range(2):
        ended = await cancel_seats(guest, held, seat_ids(held)[0])
        assert (ended["status"], ended["seats"]) == ("expired", held["seats"])
        await sweep(app)
    assert await counts(guest, stalls) == (4, 0, 0)


async def test_the_seats_go_to_the_first_in_line_whom_they_fit(
    app: FastAPI, sold_out: SoldOut, user: MakeUser
) -> None:
    event, holder, booking = sold_out
    large, small = user(), user()
    await join(large, event, 3)
    await join(small, event, 1)
    first, second, third, _ = seat_ids(booking)
    await cancel_seats(holder, booking, first)
    place = await place_of(small, event)
    offered = (await small.get(f"/bookings/{place['offer']['booking_id']}")).json()
    assert seat_ids(offered) == [first]
    assert (await place_of(large, event))["reason"].startswith("A smaller group")
    assert problem(await user().book(event)) == (409, "sold-out")
    await cancel_seats(holder, booking, second, third)
    await cancel(small, offered)
    assert (await place_of(large, event))["status"] == "offered"


async def test_an_offer_may_be_taken_in_part(
    app: FastAPI, sold_out: SoldOut, guest: User, user: MakeUser
) -> None:
    event, holder, booking = sold_out
    later = user()
    await join(guest, event, 3)
    await join(later, event, 2)
    await cancel(holder, booking)
    offer = {"id": (await place_of(guest, event))["offer"]["booking_id"]}
    offered = (await guest.get(f"/bookings/{offer['id']}")).json()
    await cancel_seats(guest, offer, seat_ids(offered)[0])
    place = await place_of(guest, event)
    assert (place["quantity"], place["reason"][:22]) == (2, "It is your turn: 2 sea")
    # With the fourth seat, which nobody waited for, it is enough for the next.
    assert (await place_of(later, event))["status"] == "offered"
    confirmed = await guest.post(f"/bookings/{offer['id']}/confirm")
    assert len(confirmed.json()["seats"]) == 2
    counted = "SELECT sum(seats) AS seats FROM seat_allowance WHERE event_id = :id"
    assert [row.seats for row in await rows(app, counted, id=UUID(event["id"]))] == [4]


async def test_at_once_each_seat_is_cancelled_once(
    app: FastAPI, published: Publish, guest: User
) -> None:
    event = await published(capacity=6, max_seats_per_user=6)
    booking = (await guest.book(event, 6)).json()
    ids = seat_ids(booking)
    url = f"/bookings/{booking['id']}/cancel"
    named = [ids[:2], ids[1:3], ids[2:4], ids[:1], ids[3:5], ids[1:4]]
    answers = await asyncio.gather(*(guest.post(url, {"seat_ids": some}) for some in named))
    assert {answer.status_code for answer in answers} == {200}
    left = (await guest.get(f"/bookings/{booking['id']}")).json()
    assert seat_ids(left) == ids[5:]
    assert await counts(guest, event) == (5, 0, 1)
    told = await messages(app, event["id"], "seats-cancelled")
    cancelled = [seat["id"] for one in told for seat in one["data"]["cancelled_seats"]]
    assert sorted(cancelled) == sorted(ids[:5])
    counted = "SELECT seats FROM seat_allowance WHERE user_id = :id"
    assert [row.seats for row in await rows(app, counted, id=guest.id)] == [1]

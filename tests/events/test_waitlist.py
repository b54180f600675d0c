"""The line for an event that has too few seats: first in, first out, for whom it fits."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from event_service import upkeep
from event_service.bookings import ending, queries
from event_service.waitlist import offers, statements
from event_service.waitlist.wording import reason_for
from tests.events.conftest import Json, Publish, User, event_body, messages, problem, sections

MakeUser = Callable[..., User]


async def join(user: User, event: Json, quantity: int = 1) -> Json:
    answer = await user.post(f"/events/{event['id']}/waitlist", {"quantity": quantity})
    assert answer.status_code == 201, answer.text
    place: Json = answer.json()
    return place


async def place_of(user: User, event: Json) -> Json:
    answer = await user.get(f"/events/{event['id']}/waitlist")
    assert answer.status_code == 200, answer.text
    place: Json = answer.json()
    return place


async def is_in_line(user: User, event: Json) -> bool:
    return (await user.get(f"/events/{event['id']}/waitlist")).status_code == 200


async def cancel(user: User, booking: Json) -> None:
    answer = await user.post(f"/bookings/{booking['id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")


async def change(app: FastAPI, statement: str, **values: Any) -> None:
    async with app.state.database.transaction() as session:
        await session.execute(text(statement), values)


async def let_lapse(app: FastAPI, booking_id: str) -> None:
    for statement in (
        "UPDATE seat SET held_until = now() - interval '1 second' WHERE booking_id = :id",
        "UPDATE booking SET expires_at = now() - interval '1 second' WHERE id = :id",
    ):
        await change(app, statement, id=booking_id)


async def sweep(app: FastAPI) -> None:
    while await upkeep.sweep_holds(app.state.database, app.state.settings.offer_for):
        pass


async def rows(app: FastAPI, statement: str, **values: Any) -> list[Any]:
    async with app.state.database.transaction() as session:
        return list((await session.execute(text(statement), values)).all())


SoldOut = tuple[Json, User, Json]


@pytest.fixture
async def sold_out(published: Publish, user: MakeUser) -> SoldOut:
    """An event of four seats, the guest who has them all, and the booking."""
    event = await published(capacity=4, max_seats_per_user=4)
    holder = user()
    booking = (await holder.book(event, 4)).json()
    return event, holder, booking


# Joining and leaving


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
    assert (await join(guest, event, 4))["position"] == 1


async def test_one_waits_once(sold_out: SoldOut, guest: User) -> None:
    event, _, _ = sold_out
    await join(guest, event)
    answer = await guest.post(f"/events/{event['id']}/waitlist", {"quantity": 2})
    assert problem(answer) == (409, "already-waiting")
    assert (await place_of(guest, event))["quantity"] == 1


async def test_what_one_waits_for_counts_towards_the_limit(sold_out: SoldOut, guest: User) -> None:
    event, _, _ = sold_out
    url = f"/events/{event['id']}/waitlist"
    assert problem(await guest.post(url, {"quantity": 5})) == (409, "seat-limit-reached")
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


# Offers


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
    assert reason_for(**(plain | facts)) == words


# Races, with committed data and a connection for everybody


# As many as the pool has connections: more would race for those and not for seats.
AT_ONCE = asyncio.Semaphore(10)


async def soon(work: Any) -> Any:
    """In lockstep races hide: each comes a little later or earlier."""
    await asyncio.sleep(random.uniform(0, 0.03))
    async with AT_ONCE:
        return await work


async def find_forgotten(app: FastAPI, event: Json) -> Any:
    """Free seats and the smallest group in line, if it fits; None if nobody is forgotten."""
    found = await rows(
        app,
        """
        SELECT free, smallest
        FROM (SELECT count(*) AS free FROM seat WHERE event_id = :id AND booking_id IS NULL) AS f,
            (SELECT min(quantity) AS smallest FROM waitlist_entry
             WHERE event_id = :id AND booking_id IS NULL) AS s
        WHERE free >= smallest
        """,
        id=event["id"],
    )
    return found[0] if found else None


async def all_is_in_order(app: FastAPI, event: Json) -> None:
    """Nobody is forgotten, no seat has two holders, and the counts agree."""
    assert await find_forgotten(app, event) is None
    (found,) = await rows(
        app,
        """
        SELECT (SELECT count(*) FROM seat WHERE event_id = :id AND booking_id IS NOT NULL) AS taken,
            (SELECT coalesce(sum(quantity), 0) FROM booking
             WHERE event_id = :id AND status IN ('held', 'confirmed')) AS sold,
            (SELECT sum(held + booked) FROM seat_tally WHERE event_id = :id) AS tally,
            (SELECT sum(seats) FROM seat_allowance WHERE event_id = :id) AS allowed,
            (SELECT coalesce(sum(quantity), 0) FROM waitlist_entry
             WHERE event_id = :id AND booking_id IS NULL) AS waiting
        """,
        id=event["id"],
    )
    assert found.taken == found.sold == found.tally, found
    assert found.allowed == found.sold + found.waiting, found


async def fill(event: Json, people: list[User]) -> list[Json]:
    answers = await asyncio.gather(*(someone.book(event) for someone in people))
    assert {answer.status_code for answer in answers} == {201}
    return [answer.json() for answer in answers]


async def join_somehow(someone: User, event: Json, quantity: int) -> int:
    answer = await someone.post(f"/events/{event['id']}/waitlist", {"quantity": quantity})
    return answer.status_code


async def test_seats_that_come_free_while_people_join_are_not_lost(
    app: FastAPI, published: Publish, user: MakeUser
) -> None:
    event = await published(capacity=12)
    holders, joiners = [user() for _ in range(12)], [user() for _ in range(30)]
    bookings = await fill(event, holders)
    statuses = await asyncio.gather(
        *(soon(join_somehow(j, event, random.randint(1, 3))) for j in joiners),
        *(soon(cancel(h, b)) for h, b in zip(holders, bookings, strict=True)),
    )
    assert set(statuses) <= {201, 409, None}
    await all_is_in_order(app, event)


class Meanwhile:
    """``step``, after which the first to take it stops until ``work`` is done or waits for a lock."""

    def __init__(
        self, app: FastAPI, step: Any, work: Callable[[], Coroutine[Any, Any, Any]]
    ) -> None:
        self.app = app
        self.step = step
        self.work = work
        self.task: asyncio.Task[Any] | None = None

    async def __call__(self, *arguments: Any, **more: Any) -> Any:
        found = await self.step(*arguments, **more)
        if self.task is None:
            self.task = asyncio.create_task(self.work())
            while not self.task.done() and not await self._somebody_waits():
                await asyncio.sleep(0.005)
        return found

    async def _somebody_waits(self) -> bool:
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return bool(await rows(self.app, f"{waiting} AND datname = current_database()"))


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_nobody_joins_between_the_look_at_the_line_and_the_seats_coming_free(
    app: FastAPI,
    sold_out: SoldOut,
    guest: User,
    monkeypatch: pytest.MonkeyPatch,
    is_guarded: bool,
) -> None:
    """Without the lock on the event this person waits for a seat that is free, and is forgotten."""
    event, holder, booking = sold_out

    async def bare_lock(session: Any, booking_id: Any, *, user_id: Any, **_: Any) -> Any:
        return await queries.lock_event_of_booking(session, booking_id, user_id=user_id)

    if not is_guarded:
        monkeypatch.setattr(ending, "lock_event_of_booking", bare_lock)
    meanwhile = Meanwhile(app, offers.lock_line, lambda: join_somehow(guest, event, 1))
    monkeypatch.setattr(ending, "lock_line", meanwhile)
    await cancel(holder, booking)
    assert meanwhile.task
    assert await meanwhile.task == (409 if is_guarded else 201)
    assert (await find_forgotten(app, event) is None) == is_guarded


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_two_who_free_a_seat_each_see_the_others(
    app: FastAPI,
    published: Publish,
    user: MakeUser,
    monkeypatch: pytest.MonkeyPatch,
    is_guarded: bool,
) -> None:
    """Without the lock on the line each sees one seat, and the group of two is forgotten."""
    event = await published(capacity=2)
    one, other, group = user(), user(), user()
    bookings = await fill(event, [one, other])
    await join(group, event, 2)
    if not is_guarded:
        bare = statements.LOCK_LINE.text.replace("FOR UPDATE OF waitlist_entry", "")
        binds = statements.LOCK_LINE._bindparams.values()
        monkeypatch.setattr(statements, "LOCK_LINE", text(bare).bindparams(*binds))
    meanwhile = Meanwhile(app, offers.offer_free_seats, lambda: cancel(other, bookings[1]))
    monkeypatch.setattr(ending, "offer_free_seats", meanwhile)
    await cancel(one, bookings[0])
    assert meanwhile.task
    await meanwhile.task
    assert (await find_forgotten(app, event) is None) == is_guarded
    # What is forgotten once is found by the sweeper.
    await sweep(app)
    assert (await place_of(group, event))["status"] == "offered"


async def test_single_seats_freed_at_once_add_up_for_a_group(
    app: FastAPI, published: Publish, user: MakeUser
) -> None:
    event = await published(capacity=9)
    holders, groups = [user() for _ in range(9)], [user() for _ in range(3)]
    bookings = await fill(event, holders)
    for group in groups:
        await join(group, event, 3)
    await asyncio.gather(*(soon(cancel(h, b)) for h, b in zip(holders, bookings, strict=True)))
    assert {(await place_of(group, event))["status"] for group in groups} == {"offered"}
    await all_is_in_order(app, event)


async def test_the_line_is_served_in_order_and_each_seat_once(
    app: FastAPI, published: Publish, user: MakeUser
) -> None:
    event = await published(capacity=10)
    holders, line = [user() for _ in range(10)], [user() for _ in range(25)]
    bookings = await fill(event, holders)
    for someone in line:
        await join(someone, event)
    snatchers = [user() for _ in range(20)]
    answers = await asyncio.gather(
        *(soon(cancel(h, b)) for h, b in zip(holders, bookings, strict=True)),
        *(soon(someone.book(event)) for someone in snatchers),
    )
    refused = [problem(answer) for answer in answers[10:]]
    assert refused == [(409, "sold-out")] * 20
    states = [(await place_of(someone, event))["status"] for someone in line]
    assert states == ["offered"] * 10 + ["waiting"] * 15
    offered = await messages(app, event["id"], "waitlist-offer")
    assert len({message["user_id"] for message in offered}) == len(offered) == 10
    await all_is_in_order(app, event)


async def test_who_leaves_while_seats_come_free_takes_none_along(
    app: FastAPI, published: Publish, user: MakeUser
) -> None:
    event = await published(capacity=6)
    holders, line = [user() for _ in range(6)], [user() for _ in range(14)]
    bookings = await fill(event, holders)
    for someone in line:
        await join(someone, event)
    answers = await asyncio.gather(
        *(soon(someone.delete(f"/events/{event['id']}/waitlist")) for someone in line[:7]),
        *(soon(cancel(h, b)) for h, b in zip(holders, bookings, strict=True)),
    )
    assert [answer.status_code for answer in answers[:7]] == [204] * 7
    states = [(await place_of(someone, event))["status"] for someone in line[7:]]
    assert states == ["offered"] * 6 + ["waiting"]
    await all_is_in_order(app, event)


async def test_one_person_joins_once_however_often_they_ask(sold_out: SoldOut, guest: User) -> None:
    event, _, _ = sold_out
    statuses = await asyncio.gather(*(soon(join_somehow(guest, event, 1)) for _ in range(12)))
    assert sorted(statuses) == [201] + [409] * 11


async def test_confirming_and_leaving_at_once_has_one_end(
    app: FastAPI, published: Publish, user: MakeUser
) -> None:
    event = await published(capacity=8)
    holders, line = [user() for _ in range(8)], [user() for _ in range(8)]
    bookings = await fill(event, holders)
    for someone in line:
        await join(someone, event)
    await asyncio.gather(*(cancel(h, b) for h, b in zip(holders, bookings, strict=True)))

    async def both(someone: User) -> tuple[int, int]:
        offer = (await place_of(someone, event))["offer"]
        confirmed, left = await asyncio.gather(
            soon(someone.post(f"/bookings/{offer['booking_id']}/confirm")),
            soon(someone.delete(f"/events/{event['id']}/waitlist")),
        )
        return confirmed.status_code, left.status_code

    ends = await asyncio.gather(*(both(someone) for someone in line))
    assert set(ends) <= {(200, 404), (409, 204), (200, 204)}
    await all_is_in_order(app, event)


async def test_sweepers_bookings_and_offers_at_once_leave_everything_in_order(
    app: FastAPI, published: Publish, user: MakeUser
) -> None:
    event = await published(capacity=8)
    holders, line = [user() for _ in range(8)], [user() for _ in range(12)]
    answers = await asyncio.gather(*(someone.book(event, hold=True) for someone in holders))
    for someone in line:
        await join(someone, event, random.randint(1, 2))
    await asyncio.gather(*(let_lapse(app, answer.json()["id"]) for answer in answers))
    snatchers = [user() for _ in range(20)]
    outcome = await asyncio.gather(
        *(soon(sweep(app)) for _ in range(3)),
        *(soon(someone.book(event)) for someone in snatchers),
    )
    booked = [a for a in outcome[3:] if a.status_code == 201]
    await all_is_in_order(app, event)
    states = [await place_of(someone, event) for someone in line]
    taken = sum(place["quantity"] for place in states if place["status"] == "offered")
    assert taken + len(booked) == 8
    assert not booked or min(p["quantity"] for p in states if p["status"] == "waiting") > 1


async def test_an_offer_has_one_booking_only(app: FastAPI, sold_out: SoldOut, guest: User) -> None:
    event, holder, booking = sold_out
    await join(guest, event, 1)
    await cancel(holder, booking)
    with pytest.raises(Exception, match="uq_waitlist_entry_booking"):
        await change(
            app,
            "INSERT INTO waitlist_entry (event_id, user_id, quantity, times_passed, joined_at,"
            " booking_id) SELECT event_id, event_id, 1, 0, now(), booking_id"
            " FROM waitlist_entry WHERE event_id = :id",
            id=event["id"],
        )


async def test_a_long_line_is_served_in_several_transactions(
    app: FastAPI,
    organizer: User,
    published: Publish,
    user: MakeUser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offers, "OFFERS_PER_RELEASE", 2)
    event = await published(capacity=1)
    await user().book(event)
    line = [user() for _ in range(5)]
    for someone in line:
        await join(someone, event)
    await organizer.patch(f"/events/{event['id']}", {"capacity": 7})
    states = [(await place_of(someone, event))["status"] for someone in line]
    assert states == ["offered"] * 2 + ["waiting"] * 3
    # Nobody comes between: who books meanwhile serves the line first.
    assert problem(await user().book(event, 2)) == (409, "sold-out")
    states = [(await place_of(someone, event))["status"] for someone in line]
    assert states == ["offered"] * 5
    assert (await user().book(event)).status_code == 201

"""The line, with everybody at once: committed data and a connection for each."""

import asyncio
import random
from typing import Any

import pytest
from fastapi import FastAPI

from event_service.bookings import offers
from tests.events.conftest import Json, Publish, User, messages, problem
from tests.events.waitlist import (
    MakeUser,
    SoldOut,
    cancel,
    change,
    fill,
    find_forgotten,
    join,
    join_somehow,
    let_lapse,
    place_of,
    rows,
    sweep,
)

# As many as the pool has connections: more would race for those and not for seats.
AT_ONCE = asyncio.Semaphore(10)


async def soon(work: Any) -> Any:
    """In lockstep races hide: each comes a little later or earlier."""
    await asyncio.sleep(random.uniform(0, 0.03))
    async with AT_ONCE:
        return await work


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

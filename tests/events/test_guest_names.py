"""What a guest is called: by the account's profile at first, then as the guest says."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from event_service.bookings.guest_names import MAX_GUEST_NAME, clean_guest_name
from event_service.erasures import service as erasures
from tests.events.conftest import Json, Publish, User, problem
from tests.events.test_erasures import auth_service, erase, finish
from tests.events.waitlist import MakeUser, SoldOut, cancel, change, join, place_of, rows

__all__ = ["auth_service"]


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        (None, None),
        ("", None),
        ("Ada Lovelace", "Ada Lovelace"),
        ("  Ada  ", "Ada"),
        ("Ада Лавлейс", "Ада Лавлейс"),
        ("Zoe\u0308", "Zoë"),
        ("Ada\r\nBcc: x", "Ada  Bcc: x"),
        ("Ada\x00\ud800", "Ada"),
        ("\u202eadA", "adA"),
        ("\u200b\u2060 \u3164", None),
        ("a" + "\u0301" * 31, None),
        ("x" * 10_000, "x" * MAX_GUEST_NAME),
        # Each becomes two characters when it is normalised.
        ("\U0001d15e" * MAX_GUEST_NAME, "\U0001d157\U0001d165" * (MAX_GUEST_NAME // 2)),
    ],
)
def test_the_name_of_a_token_becomes_a_line(name: str | None, cleaned: str | None) -> None:
    assert clean_guest_name(name) == cleaned


async def test_a_booking_has_the_name_of_whoever_books(user: MakeUser, published: Publish) -> None:
    event = await published()
    for name, shown in (("Ada Lovelace", "Ada Lovelace"), (None, None), ("x" * 300, "x" * 200)):
        guest = user(name=name)
        for hold in (False, True):
            booking = (await guest.book(event, hold=hold)).json()
            assert booking["guest_name"] == shown
            assert (await guest.get(f"/bookings/{booking['id']}")).json() == booking
            again = await guest.post(f"/bookings/{booking['id']}/confirm")
            assert again.json()["guest_name"] == shown


async def test_a_repeated_request_answers_the_name_as_it_is(
    user: MakeUser, published: Publish
) -> None:
    event, guest = await published(), user(name="Ada")
    booking = (await guest.book(event, key="a")).json()
    await guest.patch(f"/bookings/{booking['id']}", {"guest_name": "Grace"})
    again = await guest.book(event, key="a")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == booking | {"guest_name": "Grace"}


async def test_an_offer_has_the_name_of_whoever_waited(sold_out: SoldOut, user: MakeUser) -> None:
    event, holder, booking = sold_out
    waits = user(name="Ada")
    await join(waits, event, 2)
    await cancel(holder, booking)
    offer = (await place_of(waits, event))["offer"]
    shown = (await waits.get(f"/bookings/{offer['booking_id']}")).json()
    assert (shown["status"], shown["guest_name"]) == ("held", "Ada")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Grace Hopper", "Grace Hopper"),
        ("  Zoe\u0308 ", "Zoë"),
        ("x" * 200, "x" * 200),
        (None, None),
        ("", None),
        ("\u200b", None),
    ],
)
async def test_a_guest_names_somebody_else(
    user: MakeUser, published: Publish, name: str | None, shown: str | None
) -> None:
    guest = user(name="Ada")
    booking = (await guest.book(await published(), 2)).json()
    url = f"/bookings/{booking['id']}"
    answer = await guest.patch(url, {"guest_name": name})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == booking | {"guest_name": shown}
    assert (await guest.get(url)).json() == answer.json()
    assert (await guest.get("/bookings")).json()["items"] == [answer.json()]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"guest_name": "x" * 201}, "guest_name"),
        ({"guest_name": "A\nB"}, "guest_name"),
        ({"guest_name": "\u202eA"}, "guest_name"),
        ({"guest_name": 1}, "guest_name"),
        ({}, "guest_name"),
        ({"guest_name": "A", "name": "B"}, "name"),
        ({"guest_name": "A", "status": "cancelled"}, "status"),
    ],
)
async def test_what_is_no_name_changes_nothing(
    user: MakeUser, published: Publish, body: Any, field: str
) -> None:
    guest = user(name="Ada")
    booking = (await guest.book(await published())).json()
    url = f"/bookings/{booking['id']}"
    answer = await guest.patch(url, body)
    assert problem(answer) == (422, "invalid-request")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await guest.get(url)).json() == booking


async def test_another_persons_booking_is_not_found(
    guest: User, user: MakeUser, organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    booking = (await guest.book(await published())).json()
    url, body = f"/bookings/{booking['id']}", {"guest_name": "Eve"}
    for stranger in (user(), organizer, user(superuser=True)):
        assert problem(await stranger.patch(url, body)) == (404, "not-found")
    assert problem(await anybody.patch(url, json=body)) == (401, "not-authenticated")
    assert (await guest.get(url)).json()["guest_name"] is None


# What else an answer says


def about(event: Json) -> Json:
    return {
        name: event[name] for name in ("title", "starts_at", "ends_at", "timezone", "venue", "city")
    }


async def test_each_answer_says_what_is_booked(
    guest: User, organizer: User, published: Publish
) -> None:
    events = [await published(title=title, city=title) for title in ("One", "Two")]
    made = [await guest.book(event, hold=True) for event in events]
    bookings = [answer.json() for answer in made]
    assert [about(booking) for booking in bookings] == [about(event) for event in events]
    confirmed = [
        (await guest.post(f"/bookings/{booking['id']}/confirm")).json() for booking in bookings
    ]
    shown = (await guest.get("/bookings")).json()["items"]
    assert shown == confirmed[::-1]
    assert [about(booking) for booking in shown] == [about(event) for event in events[::-1]]
    # As the event is now.
    moved = (await organizer.patch(f"/events/{events[0]['id']}", {"venue": "Barn"})).json()
    assert about((await guest.get(f"/bookings/{bookings[0]['id']}")).json()) == about(moved)


async def test_an_answer_says_whether_one_may_cancel_as_cancelling_does(
    app: FastAPI, guest: User, organizer: User, published: Publish
) -> None:
    event = await published(capacity=20, max_seats_per_user=20)
    booked, entered, held, late = [
        (await guest.book(event, 2, hold=hold)).json() for hold in (False, False, True, False)
    ]
    assert [one["can_cancel"] for one in (booked, entered, held, late)] == [True] * 4
    code = entered["seats"][1]["ticket_code"]
    url = f"/events/{event['id']}/check-ins"
    assert (await organizer.post(url, {"ticket_code": code})).status_code == 200

    async def can_cancel(booking: Json) -> bool:
        [listed] = [
            one
            for one in (await guest.get("/bookings?limit=100")).json()["items"]
            if one["id"] == booking["id"]
        ]
        one = (await guest.get(f"/bookings/{booking['id']}")).json()
        assert one == listed
        answer: bool = one["can_cancel"]
        return answer

    async def try_to_cancel(booking: Json) -> bool:
        expected = await can_cancel(booking)
        answer = await guest.post(f"/bookings/{booking['id']}/cancel")
        assert answer.status_code == (200 if expected else 409)
        assert not await can_cancel(booking)
        return expected

    assert await try_to_cancel(booked)
    assert not await try_to_cancel(entered)
    await change(
        app,
        "UPDATE event SET cancellation_deadline = now() - interval '1 minute' WHERE id = :id",
        id=event["id"],
    )
    assert not await try_to_cancel(late)
    assert await try_to_cancel(held)


async def test_a_page_costs_as_many_statements_as_a_booking(
    app: FastAPI, guest: User, published: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import event as events_of

    ran: list[str] = []
    engine = app.state.database.engine.sync_engine

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        ran.append(statement)

    async def count() -> int:
        ran.clear()
        assert (await guest.get("/bookings?limit=100")).status_code == 200
        return len(ran)

    events_of.listen(engine, "before_cursor_execute", note)
    try:
        await guest.book(await published())
        few = await count()
        for _ in range(5):
            await guest.book(await published(), 3)
        assert await count() == few == 2
    finally:
        events_of.remove(engine, "before_cursor_execute", note)


# Erasure


async def names(app: FastAPI, guest: User) -> set[str | None]:
    found = await rows(app, "SELECT guest_name FROM booking WHERE user_id = :id", id=guest.id)
    return {row.guest_name for row in found}


async def test_an_erased_account_leaves_no_name(
    app: FastAPI,
    auth_service: httpx.AsyncClient,
    user: MakeUser,
    sold_out: SoldOut,
    published: Publish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(erasures, "NAMES_PER_PASS", 2)
    guest, other, event = user(name="Ada"), user(name="Grace"), await published()
    made = [(await guest.book(event, hold=hold)).json() for hold in (False, False, True, True)]
    await cancel(guest, made[0])
    await join(guest, sold_out[0], 1)
    kept = (await other.book(event)).json()
    await erase(auth_service, guest)
    assert await names(app, guest) == {None, "Ada"}
    await finish(app)
    assert await names(app, guest) == {None}
    entry = "SELECT guest_name FROM waitlist_entry WHERE user_id = :id"
    assert await rows(app, entry, id=guest.id) == []
    assert (await other.get(f"/bookings/{kept['id']}")).json() == kept


async def test_a_name_that_is_given_in_the_moment_of_the_erasure_is_found(
    app: FastAPI, auth_service: httpx.AsyncClient, user: MakeUser, published: Publish
) -> None:
    guest = user(name="Ada")
    booking = (await guest.book(await published())).json()
    await erase(auth_service, guest)
    # A process that does not know yet that the account is erased.
    app.state.erased_users = frozenset()
    answer = await guest.patch(f"/bookings/{booking['id']}", {"guest_name": "Eve"})
    assert problem(answer) == (401, "not-authenticated")
    await change(app, "UPDATE booking SET guest_name = 'Eve' WHERE id = :id", id=booking["id"])
    await finish(app)
    assert await names(app, guest) == {None}

"""No state of a booking, an event or a place in line changes without a message to whom it concerns.

Everything that can be done is done, by all roads at once.
"""

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import CheckConstraint, text

from event_service import maintenance
from event_service.models import Booking, Event
from notification_service.kinds.accounts import AccountPayload
from notification_service.kinds.registry import KINDS
from tests.changes import Change, changes, run, watching
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User
from tests.events.test_holds import let_lapse, sweep

MakeUser = Callable[..., User]

# What somebody has just done by themselves, and read in the answer.
QUIET: set[Change] = {
    ("event", "", "draft"),
    ("event", "draft", "published"),
    ("event", "draft", ""),
    ("event", "draft", "cancelled"),
    ("booking", "", "held"),
    ("booking", "held", "cancelled"),
    ("waitlist_entry", "", "waiting"),
    ("waitlist_entry", "waiting", ""),
    # The offer's booking speaks for it.
    ("waitlist_entry", "offered", ""),
}
STATE = {
    "booking": "{row}.status || CASE WHEN {row}.reminded_of IS NULL THEN '' ELSE ' reminded' END",
    "cancelled_ticket": "'cancelled'",
    "event": "{row}.status || CASE WHEN {row}.venue = 'Elsewhere' THEN ' moved' ELSE '' END",
    "waitlist_entry": "CASE WHEN {row}.booking_id IS NULL THEN 'waiting' ELSE 'offered' END",
}


@pytest.fixture
async def watched(app: FastAPI) -> AsyncIterator[None]:
    async with watching(app.state.database, STATE):
        yield


async def do_all_that_can_be_done(
    app: FastAPI, organizer: User, user: MakeUser, published: Publish
) -> None:
    guest = user()
    event = await published(capacity=2, max_seats_per_user=2)
    for confirmed in (await hold(guest, event, confirm=True), await book(guest, event)):
        await cancel(guest, confirmed)
    await cancel_a_seat(guest, await book(guest, event, 2))
    await cancel(guest, await hold(guest, event))
    await let_lapse(app, await hold(guest, event))
    await sweep(app)
    await pass_offers_on(app, user, event)
    await change_then_cancel(organizer, user, published)
    await remind(app, user, published)


async def pass_offers_on(app: FastAPI, user: MakeUser, event: Json) -> None:
    """Offers that are confirmed, refused, and let go."""
    owner, leaver, line = user(), user(), [user(), user(), user()]
    booking = await book(owner, event, 2)
    for one in (leaver, *line):
        await join(one, event, 2)
    await leaver.delete(f"/events/{event['id']}/waitlist")
    await cancel(owner, booking)
    await let_lapse(app, {"id": await offer_to(line[0], event)})
    await sweep(app)
    await line[1].post(f"/bookings/{await offer_to(line[1], event)}/cancel")
    accepted = await line[2].post(f"/bookings/{await offer_to(line[2], event)}/confirm")
    assert accepted.status_code == 200


async def join(user: User, event: Json, quantity: int = 1) -> None:
    answer = await user.post(f"/events/{event['id']}/waitlist", {"quantity": quantity})
    assert answer.status_code == 201, answer.text


async def cancel(user: User, booking: Json) -> None:
    answer = await user.post(f"/bookings/{booking['id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")


async def cancel_a_seat(user: User, booking: Json) -> None:
    """And then the rest, so that the seats are there for the next."""
    seats = {"seat_ids": [booking["seats"][0]["id"]]}
    answer = await user.post(f"/bookings/{booking['id']}/cancel", seats)
    assert (answer.status_code, answer.json()["status"]) == (200, "confirmed")
    await cancel(user, booking)


async def offer_to(user: User, event: Json) -> str:
    place = (await user.get(f"/events/{event['id']}/waitlist")).json()
    return str(place["offer"]["booking_id"])


async def change_then_cancel(organizer: User, user: MakeUser, published: Publish) -> None:
    event = await published(capacity=2)
    await book(user(), event)
    await hold(user(), event)
    await join(user(), event)
    moved = await organizer.patch(f"/events/{event['id']}", {"venue": "Elsewhere"})
    cancelled = await organizer.post(f"/events/{event['id']}/cancel", {"reason": "Ill"})
    assert (moved.status_code, cancelled.status_code) == (200, 200)
    draft = (await organizer.post("/events", event_body())).json()
    assert (await organizer.delete(f"/events/{draft['id']}")).status_code == 204


async def remind(app: FastAPI, user: MakeUser, published: Publish) -> None:
    soon = datetime.now(UTC) + timedelta(hours=23)
    later = soon + timedelta(hours=2)
    event = await published(starts_at=soon.isoformat(), ends_at=later.isoformat())
    booking = await book(user(), event)
    # Who books on the last day knows of it.
    async with app.state.database.transaction() as session:
        await session.execute(
            text("UPDATE booking SET created_at = now() - interval '3 days' WHERE id = :id"),
            {"id": booking["id"]},
        )
    while await maintenance.remind_guests(app.state.database):
        pass


async def book(user: User, event: Json, quantity: int = 1, **more: Any) -> Json:
    answer = await user.book(event, quantity, **more)
    assert answer.status_code == 201, answer.text
    booking: Json = answer.json()
    return booking


async def hold(user: User, event: Json, *, confirm: bool = False) -> Json:
    booking = await book(user, event, hold=True)
    if confirm:
        assert (await user.post(f"/bookings/{booking['id']}/confirm")).status_code == 200
    return booking


def states(model: Any) -> set[str]:
    """As the table's own constraint lists them."""
    [rule] = [
        str(c.sqltext)
        for c in model.__table__.constraints
        if isinstance(c, CheckConstraint) and str(c.sqltext).startswith("status IN")
    ]
    return set(re.findall(r"'(\w+)'", rule))


async def test_no_state_changes_without_its_message(
    app: FastAPI, watched: None, organizer: User, user: MakeUser, published: Publish
) -> None:
    await do_all_that_can_be_done(app, organizer, user, published)

    found = await changes(app.state.database)
    untold = {change for change, kinds in found if not kinds}
    assert untold <= QUIET
    # The walk has been everywhere: in each state that there is, and through each kind that there is.
    for table, model in (("booking", Booking), ("event", Event)):
        been = {after.split(" ")[0] for (what, _, after), _ in found if what == table}
        assert been - {""} == states(model)
    # An organizer's own message is no change of state; an account's mails are auth-service's.
    ours = {kind for kind, content in KINDS.items() if not issubclass(content, AccountPayload)}
    assert set().union(*(kinds for _, kinds in found)) == ours - {"organizer-message"}


async def test_the_walk_sees_a_change_without_its_message(
    app: FastAPI, watched: None, user: MakeUser, published: Publish
) -> None:
    """The negative control."""
    booking = await book(user(), await published())
    statement = f"UPDATE booking SET status = 'cancelled' WHERE id = '{booking['id']}'"
    await run(app.state.database, [statement])

    untold = {change for change, kinds in await changes(app.state.database) if not kinds}

    assert untold - QUIET == {("booking", "confirmed", "cancelled")}


async def test_each_message_has_its_events_version(
    app: FastAPI, organizer: User, user: MakeUser, published: Publish
) -> None:
    """Of two messages about an event the later one is known without a clock."""
    # Other tests share the table, and write rows of their own.
    await run(app.state.database, ["DELETE FROM outbox"])
    await do_all_that_can_be_done(app, organizer, user, published)

    async with app.state.database.transaction() as session:
        found = await session.execute(
            text("SELECT message FROM outbox ORDER BY message->'data'->>'event_id', id")
        )
        told = list(found.scalars())
    assert all(m["version"] == m["data"]["event"]["version"] >= 1 for m in told)
    cancelled = [m for m in told if m["kind"] == "event-cancelled"]
    moved = {m["data"]["event_id"]: m["version"] for m in told if m["kind"] == "event-changed"}
    assert cancelled and moved
    for message in cancelled:
        # The change before it was told with a lower one.
        assert message["version"] > moved.get(message["data"]["event_id"], 0)

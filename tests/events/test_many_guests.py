"""What an organizer does to an event with thousands of guests takes as many statements as with a few,
keeps nobody else waiting, and each guest is told once."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text

from event_service import maintenance
from event_service.events import messages as event_messages
from event_service.models import OutboxMessage
from service_kit.messaging.notifications import notification
from tests.events.conftest import Json, Publish, User, messages, sections
from tests.events.many_guests import fill, others_waiting, wait_in_line

FEW, MANY = 110, 4_400
# Far above what a statement of the service takes in Python, far below an object for each guest.
LOOP_SECONDS = 0.1
BOOKED_YESTERDAY = "UPDATE booking SET created_at = now() - interval '1 day' WHERE event_id = :id"

Act = Callable[[User, Json], Awaitable[httpx.Response]]

ACTS: dict[str, Act] = {
    "event-cancelled": lambda who, event: who.post(f"/events/{event['id']}/cancel", {"reason": "Ill"}),
    "event-changed": lambda who, event: who.patch(f"/events/{event['id']}", {"venue": "Elsewhere"}),
    "organizer-message": lambda who, event: who.post(
        f"/events/{event['id']}/messages", {"subject": "Doors", "body": "They open at six."}
    ),
}  # fmt: skip


@contextmanager
def counted(app: FastAPI) -> Iterator[list[str]]:
    statements: list[str] = []
    engine = app.state.database.engine.sync_engine

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        # Who was erased is asked every few seconds, whatever else is done.
        if "erased_user" not in statement:
            statements.append(statement)

    sqlalchemy_event.listen(engine, "before_cursor_execute", note)
    yield statements
    sqlalchemy_event.remove(engine, "before_cursor_execute", note)


@pytest.mark.alone
@pytest.mark.parametrize("kind", ACTS)
async def test_many_guests_take_as_many_statements_as_few(
    app: FastAPI, organizer: User, published: Publish, kind: str
) -> None:
    asked: list[list[str]] = []
    for seats in (FEW, MANY):
        event = await published(capacity=seats)
        guests = await fill(app, event, seats)
        with counted(app) as statements:
            async with others_waiting() as waited:
                answer = await ACTS[kind](organizer, event)
        assert answer.is_success, answer.text
        asked.append(statements)
        while await maintenance.send_organizer_messages(app.state.database):
            pass
        told = await messages(app, event["id"], kind)
        by_user = Counter(message["user_id"] for message in told)
        if kind == "organizer-message":
            # A hold is not yet a guest's.
            assert len(by_user) == answer.json()["guests"] < guests
        else:
            assert len(by_user) == guests
        assert set(by_user.values()) == {1}
        assert len({message["dedup_key"] for message in told}) == len(told)
        assert waited.loop < LOOP_SECONDS
    assert asked[0] == asked[1]


@pytest.mark.alone
async def test_control_an_object_for_each_guest_keeps_everybody_waiting(
    app: FastAPI, organizer: User, published: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was: if this fails, the test above shows nothing."""

    async def one_by_one(session: Any, outbox: Any, recipients: Any, **what: Any) -> int:
        rows = (await session.execute(recipients)).all()
        data = what.pop("data")
        for row in rows:
            named = {"user_id": row.user_id, "dedup_key": row.dedup_key}
            session.add(notification(OutboxMessage, data=data | row.data, **named, **what))
        await session.flush()
        return len(rows)

    monkeypatch.setattr(event_messages, "write_notifications", one_by_one)
    event = await published(capacity=MANY)
    await fill(app, event, MANY)
    async with others_waiting() as waited:
        assert (await ACTS["event-changed"](organizer, event)).is_success
    assert waited.loop > LOOP_SECONDS


async def test_a_message_in_bulk_is_the_message_that_one_would_be(
    app: FastAPI, organizer: User, published: Publish, user: Callable[..., User]
) -> None:
    event = await published(capacity=3)
    guest, waiting = user(), user()
    bookings = [(await guest.book(event)).json(), (await guest.book(event, 2, hold=True)).json()]
    joined = await waiting.post(f"/events/{event['id']}/waitlist", {"quantity": 1})
    assert joined.status_code == 201
    moved = await organizer.patch(
        f"/events/{event['id']}", {"city": "Bonn", "venue": "Town hall"}, X_Request_ID="r-1"
    )
    assert moved.status_code == 200
    await organizer.post(f"/events/{event['id']}/cancel", {"reason": "Ill"})

    [change] = await messages(app, event["id"], "event-changed")
    assert change["user_id"] == str(guest.id) and change["request_id"] == "r-1"
    assert change["topic"] == "event.changed.v1"
    assert change["data"]["booking_ids"] == sorted(booking["id"] for booking in bookings)
    assert change["data"]["changes"] == {"city": ["Berlin", "Bonn"]}
    assert change["version"] == change["data"]["event"]["version"] == moved.json()["version"]
    ended = {m["user_id"]: m for m in await messages(app, event["id"], "event-cancelled")}
    assert set(ended) == {str(guest.id), str(waiting.id)}
    assert ended[str(guest.id)]["data"]["booking_ids"] == change["data"]["booking_ids"]
    assert ended[str(waiting.id)]["data"]["booking_ids"] == []
    assert ended[str(waiting.id)]["data"]["reason"] == "Ill"
    async with app.state.database.transaction() as session:
        rows = await session.execute(text("SELECT id, task, topic, message FROM outbox"))
        for row in rows:
            assert str(row.id) == row.message["id"] and row.id.version == 7
            assert (row.task, row.topic) == ("notifications.send", row.message["topic"])


@pytest.mark.alone
async def test_who_waits_in_a_long_line_is_told_of_the_end(
    app: FastAPI, organizer: User, published: Publish
) -> None:
    event = await published(capacity=MANY)
    guests = await fill(app, event, MANY)
    await wait_in_line(app, event, 2_000)
    async with others_waiting() as waited:
        answer = await ACTS["event-cancelled"](organizer, event)
    assert answer.status_code == 200
    assert answer.json()["seats_available"] == MANY
    assert waited.loop < LOOP_SECONDS
    told = await messages(app, event["id"], "event-cancelled")
    assert len({message["user_id"] for message in told}) == len(told) == guests + 2_000
    async with app.state.database.transaction() as session:
        left = await session.execute(
            text("""
                SELECT (SELECT count(*) FROM booking WHERE event_id = :id AND status <> 'cancelled')
                    + (SELECT count(*) FROM waitlist_entry WHERE event_id = :id)
                    + (SELECT count(*) FROM seat WHERE event_id = :id AND booking_id IS NOT NULL)
                    + (SELECT sum(seats) FROM seat_allowance WHERE event_id = :id)
            """),
            {"id": event["id"]},
        )
        assert left.scalar_one() == 0


@pytest.mark.alone
async def test_many_are_reminded_in_batches_that_keep_nobody_waiting(
    app: FastAPI, published: Publish, organizer: User
) -> None:
    event = await published(capacity=MANY)
    await fill(app, event, MANY)
    async with app.state.database.transaction() as session:
        await session.execute(
            text("UPDATE event SET starts_at = now() + interval '20 hours' WHERE id = :id"),
            {"id": event["id"]},
        )
        await session.execute(text(BOOKED_YESTERDAY), {"id": event["id"]})
        confirmed = await session.scalar(
            text("SELECT count(*) FROM booking WHERE event_id = :id AND status = 'confirmed'"),
            {"id": event["id"]},
        )
    async with others_waiting() as waited:
        batches = 0
        while await maintenance.remind_guests(app.state.database):
            batches += 1
    assert batches >= 2
    assert waited.loop < LOOP_SECONDS
    told = await messages(app, event["id"], "event-reminder")
    assert len({m["data"]["booking_id"] for m in told}) == len(told) == confirmed
    assert all(len(m["data"]["seats"]) == m["data"]["quantity"] == 1 for m in told)
    await organizer.post(f"/events/{event['id']}/cancel")


async def test_a_reminder_holds_what_the_confirmation_held(
    app: FastAPI, published: Publish, organizer: User, guest: User
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=20)
    event = await published(
        starts_at=soon.isoformat(),
        ends_at=(soon + timedelta(hours=1)).isoformat(),
        seating={"kind": "assigned", "sections": sections(("Stalls", "A", 3), ("Box", "1", 2))},
    )
    plan = (await guest.get(f"/events/{event['id']}/seats")).json()["sections"]
    chosen = [part["rows"][0]["seats"][1]["id"] for part in plan]
    booking = (await guest.book(event, seat_ids=chosen)).json()
    async with app.state.database.transaction() as session:
        await session.execute(text(BOOKED_YESTERDAY), {"id": event["id"]})
    while await maintenance.remind_guests(app.state.database):
        pass
    [confirmation] = await messages(app, event["id"], "booking-confirmed")
    [reminder] = await messages(app, event["id"], "event-reminder")
    assert reminder["data"] == confirmation["data"]
    assert reminder["version"] == confirmation["version"]
    moment = datetime.fromisoformat(event["starts_at"]).isoformat()
    assert reminder["dedup_key"] == f"event-reminder:{booking['id']}:{moment}"
    # Cancelled, so that no other test reminds of it.
    await organizer.post(f"/events/{event['id']}/cancel")

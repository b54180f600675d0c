"""What an organizer writes is kept once and becomes each guest's message in batches."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import sentry_sdk
from fastapi import FastAPI
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service import maintenance
from event_service.bookings.messages import event_snapshot
from event_service.events import organizer_messages
from event_service.events.organizer_messages import Claim, oldest_unwritten_seconds
from event_service.settings import Settings
from service_kit.messaging.notifications import write_notifications
from tests.events.conftest import Json, Publish, User, messages, problem, running
from tests.events.waitlist import change, rows

MESSAGE = {"subject": "Doors", "body": "They open at six."}


@pytest.fixture(autouse=True)
async def empty_table(app: FastAPI) -> None:
    """Other tests share it."""
    await change(app, "DELETE FROM organizer_message")


async def send(organizer: User, event: Json) -> int:
    answer = await organizer.post(f"/events/{event['id']}/messages", MESSAGE)
    assert answer.status_code == 202, answer.text
    guests: int = answer.json()["guests"]
    return guests


async def send_to_one_guest(organizer: User, published: Publish, guest: User) -> Json:
    event = await published(capacity=5)
    assert (await guest.book(event)).status_code == 201
    assert await send(organizer, event) == 1
    return event


async def write_what_is_due(app: FastAPI) -> int:
    """The number of batches."""
    batches = 0
    while await maintenance.send_organizer_messages(app.state.database):
        batches += 1
    return batches


async def count_unwritten(app: FastAPI, event: Json) -> int:
    found = await rows(
        app, "SELECT count(*) FROM organizer_message WHERE event_id = :id", id=event["id"]
    )
    return int(found[0][0])


async def count_written(app: FastAPI, event: Json) -> int:
    return len(await messages(app, event["id"], "organizer-message"))


async def make_due(app: FastAPI) -> None:
    await change(app, "UPDATE organizer_message SET next_attempt_at = now()")


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """What Sentry is told."""
    errors: list[BaseException] = []
    monkeypatch.setattr(sentry_sdk, "capture_exception", errors.append)
    return errors


def fail_for(monkeypatch: pytest.MonkeyPatch, event: Json) -> None:
    """Batches about this event fail."""

    def fail(row: Any) -> Json:
        if str(row.id) == event["id"]:
            raise RuntimeError("this event has something odd")
        return event_snapshot(row)

    monkeypatch.setattr(organizer_messages, "event_snapshot", fail)


async def test_each_guest_of_that_moment_gets_it_once_however_many_batches_it_takes(
    app: FastAPI,
    organizer: User,
    published: Publish,
    user: Callable[..., User],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(organizer_messages, "GUESTS_PER_BATCH", 2)
    event = await published(capacity=20)
    guests, late = [user() for _ in range(5)], user()
    for guest in guests:
        assert (await guest.book(event)).status_code == 201
    assert await send(organizer, event) == 5
    # Whatever happens before the last batch.
    assert (await late.book(event)).status_code == 201
    cancelled = await organizer.post(f"/events/{event['id']}/cancel", {"reason": "Ill"})
    assert cancelled.status_code == 200

    batches = await write_what_is_due(app)

    written = await messages(app, event["id"], "organizer-message")
    assert sorted(m["user_id"] for m in written) == sorted(str(guest.id) for guest in guests)
    assert {(m["data"]["subject"], m["data"]["body"]) for m in written} == {tuple(MESSAGE.values())}
    assert (batches, await count_unwritten(app, event)) == (3, 0)


async def test_a_message_whose_answer_got_lost_is_sent_again_to_nobody(
    app: FastAPI, organizer: User, user: Callable[..., User], published: Publish
) -> None:
    """Also when it comes again after all was written, under its key."""
    event = await published(capacity=5)
    assert (await user().book(event)).status_code == 201
    path = f"/events/{event['id']}/messages"
    for body in (MESSAGE, MESSAGE, MESSAGE | {"body": "They open at seven."}):
        sent = await organizer.post(path, body, Idempotency_Key="evening")
        assert (sent.status_code, sent.json()) == (202, {"guests": 1})
    assert await count_unwritten(app, event) == 2
    await write_what_is_due(app)
    await organizer.post(path, MESSAGE, Idempotency_Key="evening")
    await write_what_is_due(app)
    keys = [
        message["dedup_key"] for message in await messages(app, event["id"], "organizer-message")
    ]
    assert len(keys) == 3 and len(set(keys)) == 2
    assert await send(organizer, event) == 1
    await write_what_is_due(app)
    keys = [
        message["dedup_key"] for message in await messages(app, event["id"], "organizer-message")
    ]
    assert len(set(keys)) == 3, "without a key it is another message"


async def test_a_batch_that_fails_is_written_whole_the_next_time(
    app: FastAPI,
    organizer: User,
    guest: User,
    published: Publish,
    monkeypatch: pytest.MonkeyPatch,
    captured: list[BaseException],
) -> None:
    event = await send_to_one_guest(organizer, published, guest)

    def fail(*_: object) -> None:
        raise RuntimeError("after the messages and before the end")

    with monkeypatch.context() as patch:
        patch.setattr(organizer_messages, "delete", fail)
        await write_what_is_due(app)
    assert [type(error) for error in captured] == [RuntimeError]
    assert (await count_written(app, event), await count_unwritten(app, event)) == (0, 1)
    await make_due(app)
    await write_what_is_due(app)
    assert (await count_written(app, event), await count_unwritten(app, event)) == (1, 0)


async def claim_the_oldest(session: AsyncSession) -> Claim | None:
    """As it was before messages had attempts."""
    found = await session.execute(
        text("SELECT id FROM organizer_message ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED")
    )
    row = found.one_or_none()
    return None if row is None else Claim(message_id=row.id, attempts=1)


@pytest.mark.parametrize("is_postponed", [True, False])
async def test_one_that_keeps_failing_holds_up_no_other(
    app: FastAPI,
    organizer: User,
    guest: User,
    published: Publish,
    monkeypatch: pytest.MonkeyPatch,
    captured: list[BaseException],
    is_postponed: bool,
) -> None:
    """The second case, which takes the oldest message whatever became of it, is the control."""
    odd = await send_to_one_guest(organizer, published, guest)
    later = await send_to_one_guest(organizer, published, guest)
    fail_for(monkeypatch, odd)
    if not is_postponed:
        monkeypatch.setattr(maintenance, "claim_next_message", claim_the_oldest)

    for _ in range(5):
        await maintenance.send_organizer_messages(app.state.database)

    assert await count_written(app, later) == (1 if is_postponed else 0)
    assert await count_unwritten(app, odd) == 1
    assert len(captured) == (1 if is_postponed else 5)


async def test_pauses_grow_up_to_an_hour_and_a_batch_that_is_written_ends_them(
    app: FastAPI,
    organizer: User,
    guest: User,
    published: Publish,
    monkeypatch: pytest.MonkeyPatch,
    captured: list[BaseException],
) -> None:
    event = await send_to_one_guest(organizer, published, guest)
    pauses = []
    with monkeypatch.context() as patch:
        fail_for(patch, event)
        for _ in range(9):
            await make_due(app)
            assert await write_what_is_due(app) == 1
            pauses += await rows(
                app,
                "SELECT round(extract(epoch FROM next_attempt_at - now()), -1) FROM organizer_message",
            )
    assert [int(pause) for (pause,) in pauses] == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert len(captured) == 9
    # Far beyond what a number of PostgreSQL's can be doubled.
    await change(app, "UPDATE organizer_message SET attempts = 100000, next_attempt_at = now()")
    monkeypatch.setattr(organizer_messages, "GUESTS_PER_BATCH", 0)
    assert await maintenance.send_organizer_messages(app.state.database)
    assert await rows(app, "SELECT attempts, next_attempt_at <= now() FROM organizer_message") == [
        (0, True)
    ]


async def test_how_long_the_oldest_waits_is_measured(
    app: FastAPI, organizer: User, guest: User, published: Publish
) -> None:
    async def age() -> float:
        async with app.state.database.transaction() as session:
            return await oldest_unwritten_seconds(session)

    assert await age() == 0
    await send_to_one_guest(organizer, published, guest)
    # However often it was tried, and whenever it is tried again.
    await change(
        app,
        "UPDATE organizer_message SET created_at = now() - interval '1 hour', attempts = 3,"
        " next_attempt_at = now() + interval '1 hour'",
    )
    assert 3600 <= await age() < 3700
    gauge = "organizer_messages_oldest_unwritten_seconds"
    assert app.state.metrics.get_sample_value(gauge) is not None


async def test_many_at_once_write_to_each_guest_once(
    app: FastAPI,
    organizer: User,
    published: Publish,
    user: Callable[..., User],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(organizer_messages, "GUESTS_PER_BATCH", 1)
    events = [await published(capacity=8) for _ in range(3)]
    guests = [user() for _ in range(8)]
    for event in events:
        for guest in guests:
            assert (await guest.book(event)).status_code == 201
        assert await send(organizer, event) == 8

    batches = await asyncio.gather(*(write_what_is_due(app) for _ in range(4)))
    # One that finds all others claimed has nothing to do, and the rest is done by them.
    await make_due(app)
    await write_what_is_due(app)

    assert sum(batches) >= 24
    for event in events:
        written = await messages(app, event["id"], "organizer-message")
        assert sorted(m["user_id"] for m in written) == sorted(str(one.id) for one in guests)
        assert await count_unwritten(app, event) == 0


async def test_while_a_batch_takes_longer_than_its_pause_nobody_else_writes_it(
    app: FastAPI,
    organizer: User,
    guest: User,
    published: Publish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = await send_to_one_guest(organizer, published, guest)
    begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def write_slowly(*arguments: Any, **options: Any) -> int:
        begun.set()
        await may_go_on.wait()
        return await write_notifications(*arguments, **options)

    monkeypatch.setattr(organizer_messages, "write_notifications", write_slowly)
    slow = asyncio.create_task(maintenance.send_organizer_messages(app.state.database))
    async with asyncio.timeout(10):
        await begun.wait()
        async with app.state.database.transaction() as session:
            # The row itself is locked: the claim's pause cannot be shortened from outside.
            locked = await session.execute(
                text("SELECT id FROM organizer_message FOR UPDATE SKIP LOCKED")
            )
            assert locked.all() == []
            await organizer_messages.write_batch(
                session, (await rows(app, "SELECT id FROM organizer_message"))[0][0]
            )
        may_go_on.set()
        assert await slow
    assert (await count_written(app, event), await count_unwritten(app, event)) == (1, 0)


async def test_nobody_to_write_to_leaves_nothing_behind(
    app: FastAPI, organizer: User, published: Publish
) -> None:
    event = await published(capacity=5)
    assert await send(organizer, event) == 0
    await write_what_is_due(app)
    assert (await count_written(app, event), await count_unwritten(app, event)) == (0, 0)


async def test_a_look_at_a_message_is_not_counted_as_one(
    settings: Settings, organizer: User, published: Publish
) -> None:
    event = await published()
    limits = {"rate_limit_enabled": True, "organizer_message_rate_limit": "1/hour"}
    async with running(settings.model_copy(update=limits)) as limited:
        writer = User(limited, organizer.id)
        url = f"/events/{event['id']}/messages"
        looks = [
            await writer.post(f"{url}?preview={flag}", MESSAGE) for flag in ("true", "1", "yes")
        ]
        assert [look.status_code for look in looks] == [200] * 3
        # Whoever says that it is none sends it, and is counted.
        assert (await writer.post(f"{url}?preview=false", MESSAGE)).status_code == 202
        for more in ("", "?preview=0", "?preview=nonsense"):
            assert problem(await writer.post(url + more, MESSAGE)) == (429, "rate-limited")
        assert (await writer.post(f"{url}?preview=true", MESSAGE)).status_code == 200

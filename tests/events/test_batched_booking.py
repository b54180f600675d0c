"""Guards that batches add, at the real database: a request that fails, is refused, or waits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from event_service.bookings import batches, create
from event_service.bookings.batches import Batches, Waiting
from event_service.bookings.create import BookingDesk, new_desk
from event_service.bookings.insert import NewBooking
from event_service.bookings.messages import booking_message
from event_service.bookings.sql import statements
from event_service.problems import IdempotencyMismatch
from event_service.settings import Settings
from service_kit.database.sql_files import SqlStatement
from service_kit.ids import new_id
from service_kit.problems import Unavailable
from tests.event_bodies import event_body
from tests.events.batches import book_at_once, record_batches, request_of
from tests.events.conftest import Json, Publish, User, messages, problem, running
from tests.events.waitlist import rows

MakeUser = Callable[..., User]


@pytest.fixture
def desk(app: FastAPI, settings: Settings) -> BookingDesk:
    return new_desk(app.state.database, settings)


class NoHalves(Batches):
    async def _divide(self, event_id: UUID, rest: Sequence[Waiting], error: Exception) -> None:
        for waiting in rest:
            waiting.settle(error)


def without_halves(desk: BookingDesk) -> None:
    desk.batches = NoHalves(desk.batches._run, patience_seconds=60)


def fail_for(person: UUID, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours in what is done for one person: before anything is written, or by what is."""
    build = booking_message

    def failing(kind: Any, booking: NewBooking, *more: Any, **version: Any) -> Any:
        if booking.user_id == person:
            if how == "message":
                raise ZeroDivisionError
            # Refused by the CHECK that quantities are positive.
            booking.quantity = 0
        return build(kind, booking, *more, **version)

    monkeypatch.setattr(create, "booking_message", failing)


WRITTEN = """
    SELECT (SELECT count(*) FROM booking WHERE event_id = :id) AS bookings,
        (SELECT count(*) FROM seat WHERE event_id = :id AND booking_id IS NOT NULL) AS seats,
        (SELECT count(*) FROM ticket JOIN booking ON booking.id = booking_id WHERE event_id = :id)
            AS tickets,
        (SELECT coalesce(sum(seats), 0) FROM seat_allowance WHERE event_id = :id) AS allowed,
        (SELECT coalesce(sum(held + booked), 0) FROM seat_tally WHERE event_id = :id) AS counted,
        (SELECT count(*) FROM outbox WHERE message->'data'->>'event_id' = :event_id
            AND message->>'kind' = 'booking-confirmed') AS messages,
        (SELECT count(*) FROM idempotency_key WHERE user_id = ANY(:people)) AS keys
"""


async def written(app: FastAPI, event: Json, people: Sequence[UUID]) -> tuple[Any, ...]:
    found = await rows(
        app, WRITTEN, id=UUID(event["id"]), event_id=event["id"], people=list(people)
    )
    return tuple(found[0])


@pytest.mark.parametrize("how", ["message", "constraint"])
@pytest.mark.parametrize("is_guarded", [True, False])
async def test_one_bad_request_spoils_no_other_and_nothing_is_half_written(
    app: FastAPI,
    desk: BookingDesk,
    published: Publish,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    is_guarded: bool,
) -> None:
    """Without halves all fail: the control."""
    event = await published(capacity=20)
    people = [new_id() for _ in range(11)]
    fail_for(people[4], how, monkeypatch)
    if not is_guarded:
        without_halves(desk)
    requests = [keyed(event, person, "the-key") for person in people]
    recorded = record_batches(desk.batches)
    told = await book_at_once(desk, requests)
    assert len(recorded[0]) == 11
    failed = [number for number, each in enumerate(told) if isinstance(each, Exception)]
    assert failed == ([4] if is_guarded else list(range(11)))
    booked = 10 if is_guarded else 0
    assert await written(app, event, people) == (booked,) * 7


def keyed(event: Json, person: UUID, key: str | None, quantity: int = 1) -> Any:
    request = request_of(UUID(event["id"]), quantity, by=person)
    return type(request)(user_id=person, body=request.body, key=key)


async def forget_nothing(*_: Any) -> None:
    return None


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_a_refused_request_leaves_nothing_behind_while_others_are_booked(
    app: FastAPI,
    desk: BookingDesk,
    published: Publish,
    monkeypatch: pytest.MonkeyPatch,
    is_guarded: bool,
) -> None:
    """No key, no use of the limit: the same request under the same key is booked when there are seats."""
    event = await published(capacity=3, max_seats_per_user=4)
    if not is_guarded:
        monkeypatch.setattr(create, "forget_refused", forget_nothing)
    people = [new_id() for _ in range(3)]
    sizes = (2, 4, 1)
    requests = [keyed(event, who, "the-key", n) for who, n in zip(people, sizes, strict=True)]
    told = await book_at_once(desk, requests)
    if is_guarded:
        codes = [getattr(each, "code", "booked") for each in told]
        assert codes == ["booked", "sold-out", "booked"]
    refused = [people[1]]
    keys = await rows(
        app, "SELECT user_id FROM idempotency_key WHERE user_id = ANY(:people)", people=refused
    )
    allowed = await rows(
        app,
        "SELECT user_id FROM seat_allowance WHERE seats > 0 AND user_id = ANY(:people)",
        people=refused,
    )
    assert (keys + allowed == []) == is_guarded
    if is_guarded:
        assert await written(app, event, people) == (2, 3, 3, 3, 3, 2, 2)


@asynccontextmanager
async def locked(app: FastAPI, event: Json) -> AsyncIterator[None]:
    """Its organizer changes the event: who books it waits."""
    async with app.state.database.transaction() as session:
        lock = text("SELECT FROM event WHERE id = :id FOR UPDATE")
        await session.execute(lock, {"id": UUID(event["id"])})
        yield


async def test_each_message_carries_the_id_of_its_own_request(
    app: FastAPI, user: MakeUser, published: Publish
) -> None:
    event = await published(capacity=20)
    recorded = record_batches(app.state.booking_desk.batches)
    people = [user() for _ in range(8)]
    ids = {str(person.id): f"request-of-{number}" for number, person in enumerate(people)}
    try:
        async with locked(app, event):
            body = {"event_id": event["id"], "quantity": 1}
            asked = [
                asyncio.create_task(
                    person.post("/bookings", body, X_Request_Id=ids[str(person.id)])
                )
                for person in people
            ]
            while len(recorded) != 1:
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.1)
        answers = await asyncio.gather(*asked)
    finally:
        vars(app.state.booking_desk.batches)["_run"] = app.state.booking_desk._run
    assert {answer.status_code for answer in answers} == {201}
    assert max(map(len, recorded)) > 1
    sent = await messages(app, event["id"], "booking-confirmed")
    assert {each["user_id"]: each["request_id"] for each in sent} == ids


async def test_who_waits_too_long_is_asked_to_come_again_and_not_booked(
    app: FastAPI, settings: Settings, user: MakeUser, published: Publish
) -> None:
    event = await published(capacity=20)
    usual = app.state.booking_desk
    hurried = settings.model_copy(update={"database_pool_timeout_seconds": 0.1})
    app.state.booking_desk = new_desk(app.state.database, hurried)
    try:
        async with locked(app, event):
            first = asyncio.create_task(user().book(event))
            while not app.state.booking_desk.batches._queues:
                await asyncio.sleep(0.005)
            waiting = [asyncio.create_task(user().book(event)) for _ in range(5)]
            await asyncio.sleep(0.3)
        served, *sent_away = [await task for task in (first, *waiting)]
    finally:
        app.state.booking_desk = usual
    assert served.status_code == 201
    assert {problem(answer) for answer in sent_away} == {(503, "unavailable")}
    assert all(answer.headers["Retry-After"] == "1" for answer in sent_away)
    assert (await written(app, event, []))[:6] == (1,) * 6


async def test_a_client_that_goes_away_is_booked_or_not_and_others_go_on(
    app: FastAPI, desk: BookingDesk, published: Publish
) -> None:
    """Those whose batch is under way are booked; those that wait for the next one are not."""
    event = await published(capacity=20)
    recorded = record_batches(desk.batches)

    async def arrive(count: int) -> list[asyncio.Task[Any]]:
        requests = [request_of(UUID(event["id"])) for _ in range(count)]
        tasks = [asyncio.create_task(desk.book(request)) for request in requests]
        await asyncio.sleep(0.05)
        return tasks

    async with locked(app, event):
        under_way, queued = await arrive(4), await arrive(4)
        for task in (under_way[1], queued[2]):
            task.cancel()
    told = await asyncio.gather(*under_way, *queued, return_exceptions=True)
    assert [n for n, each in enumerate(told) if isinstance(each, BaseException)] == [1, 6]
    assert list(map(len, recorded)) == [4, 3]
    assert (await written(app, event, []))[:6] == (7,) * 6


async def test_a_lost_connection_is_not_tried_again_and_the_next_batch_goes_on(
    app: FastAPI, desk: BookingDesk, published: Publish
) -> None:
    """The backend ends while the batch waits for a lock."""
    event = await published(capacity=20)
    recorded = record_batches(desk.batches)
    async with locked(app, event):
        asked = asyncio.gather(
            *(desk.book(request_of(UUID(event["id"]))) for _ in range(5)), return_exceptions=True
        )
        ended = 0
        while not ended:
            found = await rows(app, END_WAITING)
            ended = found[0][0]
        told = await asked
    assert [type(each) for each in told] == [Unavailable] * 5
    assert list(map(len, recorded)) == [5]
    [(booking, is_replay)] = await book_at_once(desk, [request_of(UUID(event["id"]))])
    assert booking["status"] == "confirmed" and not is_replay
    assert (await written(app, event, []))[:6] == (1,) * 6


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_what_may_be_committed_is_not_booked_again(
    app: FastAPI,
    desk: BookingDesk,
    published: Publish,
    monkeypatch: pytest.MonkeyPatch,
    is_guarded: bool,
) -> None:
    """The connection is lost as COMMIT is answered. Tried again in halves they are booked twice: the
    control."""
    event = await published(capacity=20)
    database = app.state.database
    run_sql = database.run_sql
    commits = 0

    async def commit_and_lose(work: Any) -> Any:
        nonlocal commits
        result = await run_sql(work)
        commits += 1
        if commits == 1:
            raise asyncpg.ConnectionDoesNotExistError("connection was closed")
        return result

    monkeypatch.setattr(database, "run_sql", commit_and_lose)
    if not is_guarded:
        monkeypatch.setattr(batches, "means_unavailable", lambda error: False)
    told = await book_at_once(desk, [request_of(UUID(event["id"])) for _ in range(5)])
    bookings = (await written(app, event, []))[0]
    assert (bookings == 5) == is_guarded
    if is_guarded:
        assert [type(each) for each in told] == [Unavailable] * 5


END_WAITING = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.mark.parametrize("is_fair", [True, False])
async def test_when_too_many_come_the_first_are_served_in_order(
    settings: Settings, is_fair: bool
) -> None:
    """Whoever finds the room full is sent away at once; the last first would serve others: the control."""
    room, comers = 12, 30
    own = settings.model_copy(update={"max_concurrent_requests": room})
    async with running(own) as app:
        organizer, people = User(app, new_id()), [User(app, new_id()) for _ in range(comers)]
        event = await open_event(organizer, room - 5)
        if not is_fair:
            reverse(app.state.booking_desk.batches)
        async with locked(app, event):
            asked = []
            for person in people:
                asked.append(asyncio.create_task(person.book(event)))
                # Each is there before the next one comes.
                await asyncio.sleep(0.02)
            sent_away = [task for task in asked if task.done()]
        answers = await asyncio.gather(*asked)
        for person in [organizer, *people]:
            await person.http.aclose()
    assert sent_away == asked[room:]
    assert {problem(answer)[0] for answer in answers[room:]} == {503}
    assert all(answer.headers["Retry-After"] in "123" for answer in answers[room:])
    statuses = [answer.status_code for answer in answers[:room]]
    assert (statuses == [201] * (room - 5) + [409] * 5) == is_fair


async def open_event(organizer: User, capacity: int) -> Json:
    body = event_body(seating={"kind": "general", "capacity": capacity})
    event: Json = (await organizer.post("/events", body)).json()
    answer = await organizer.post(f"/events/{event['id']}/publish")
    assert answer.status_code == 200
    return event


def reverse(queues: Batches) -> None:
    next_batch = queues._next_batch

    def last_first(queue: Any) -> list[Waiting]:
        queue.reverse()
        return next_batch(queue)

    vars(queues)["_next_batch"] = last_first


@pytest.mark.alone
@pytest.mark.parametrize("is_guarded", [True, False])
async def test_nobody_waits_for_a_key_that_somebody_uses_for_another_event(
    app: FastAPI,
    desk: BookingDesk,
    published: Publish,
    monkeypatch: pytest.MonkeyPatch,
    is_guarded: bool,
) -> None:
    """Who has a slow booking under way elsewhere sends its key again, with a crowd. Control: a batch that
    waits for the key keeps all of the crowd."""
    slow, hot = await published(capacity=1), await published(capacity=20)
    if not is_guarded:
        waiting = statements.open_batch.text.replace(
            "NOT pg_try_advisory_xact_lock", "false AND 0 = "
        )
        monkeypatch.setattr(statements, "open_batch", SqlStatement("open_batch", waiting))
    person = new_id()
    async with app.state.database.transaction() as session:
        await session.execute(
            text("SELECT FROM seat WHERE event_id = :id FOR UPDATE"), {"id": UUID(slow["id"])}
        )
        first = asyncio.create_task(desk.book(keyed(slow, person, "the-key")))
        await asyncio.sleep(0.2)
        again = asyncio.create_task(desk.book(keyed(hot, person, "the-key")))
        crowd = [desk.book(keyed(hot, new_id(), "the-key")) for _ in range(10)]
        _, late = await asyncio.wait([asyncio.ensure_future(each) for each in crowd], timeout=0.8)
        assert len(late) == (0 if is_guarded else 10)
    await asyncio.gather(*late)
    # Whichever asks first once the lock is gone has the key; the other used it for something else.
    told = await asyncio.gather(first, again, return_exceptions=True)
    refused = [each for each in told if isinstance(each, IdempotencyMismatch)]
    booked = [each[0] for each in told if isinstance(each, tuple)]
    assert len(refused) == 1 and [len(booking["seats"]) for booking in booked] == [1]


@pytest.mark.parametrize("is_known", [True, False])
async def test_wishes_beyond_the_limit_do_not_keep_others_apart(
    desk: BookingDesk, published: Publish, is_known: bool
) -> None:
    """They are refused in any case, and would fill a batch each. The control: nobody keeps the limit."""
    event_id = UUID((await published(max_seats_per_user=10))["id"])
    if not is_known:
        desk.batches._weigh = lambda request: request.body.seat_count
    recorded = record_batches(desk.batches)
    first = asyncio.create_task(desk.book(request_of(event_id)))
    await asyncio.sleep(0)
    wishes = [request_of(event_id, quantity) for quantity in (10_000, 1) * 10]
    told = await book_at_once(desk, wishes)
    await first
    assert [isinstance(answer, tuple) for answer in told] == [False, True] * 10
    assert (len(recorded) < 5) == is_known

"""What the relay does by itself takes as long as there is to do, and one locked event stops no other."""

import asyncio
import time
from datetime import timedelta
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from event_service import maintenance
from event_service.bookings.sql import statements
from event_service.models import OutboxMessage
from service_kit.database import purging
from service_kit.messaging.outbox import OutboxQueries
from tests.events.conftest import Json, Publish, User
from tests.events.test_deadlocks import another
from tests.events.waitlist import MakeUser, change, join, let_lapse, rows, sweep

SOON_SECONDS = 1.0
LEFT_BEHIND = 150_000

# The old way: the foreign key of the new row waits for the event.
FOLD_OF_ALL = text("""
    WITH changed AS (
        SELECT DISTINCT event_id FROM seat_tally WHERE NOT folded LIMIT :limit
    ), gone AS (
        DELETE FROM seat_tally WHERE id IN (
            SELECT seat_tally.id FROM seat_tally JOIN changed USING (event_id)
            FOR UPDATE OF seat_tally SKIP LOCKED
        )
        RETURNING event_id, held, booked
    ), kept AS (
        INSERT INTO seat_tally (id, event_id, held, booked, folded)
        SELECT gen_random_uuid(), event_id, sum(held), sum(booked), true
        FROM gone GROUP BY event_id
    )
    SELECT DISTINCT event_id FROM gone
""")
SMALLEST_OF_ALL = """
    SELECT event_id FROM booking WHERE status = 'held' AND expires_at <= now()
    UNION
    SELECT event_id FROM (
        SELECT event_id, min(quantity) AS smallest FROM waitlist_entry
        WHERE booking_id IS NULL GROUP BY event_id
    ) AS line WHERE smallest < 0
    LIMIT :events
"""


async def unfolded(app: FastAPI, event: Json) -> int:
    [(left,)] = await rows(
        app,
        "SELECT count(*) FROM seat_tally WHERE event_id = :id AND NOT folded",
        id=event["id"],
    )
    return int(left)


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_one_locked_event_stops_no_other_from_being_counted(
    app: FastAPI,
    published: Publish,
    guest: User,
    monkeypatch: pytest.MonkeyPatch,
    is_guarded: bool,
) -> None:
    locked, *others = [await published() for _ in range(5)]
    if not is_guarded:
        monkeypatch.setattr(maintenance, "_FOLD", FOLD_OF_ALL)
    for event in (locked, *others):
        assert (await guest.book(event)).status_code == 201
    async with another(app) as organizer:
        await organizer.lock("event", id=UUID(locked["id"]))
        folding = asyncio.create_task(maintenance.fold_tallies(app.state.database))
        await asyncio.wait([folding], timeout=SOON_SECONDS)
        left = [await unfolded(app, event) for event in (locked, *others)]
    assert left == ([1, 0, 0, 0, 0] if is_guarded else [1] * 5)
    await folding
    await maintenance.fold_tallies(app.state.database)
    assert await unfolded(app, locked) == 0


@pytest.mark.alone
async def test_one_event_with_something_locked_stops_no_other_from_being_swept(
    app: FastAPI, published: Publish, guest: User
) -> None:
    events = [await published() for _ in range(3)]
    held = [(await guest.book(event, hold=True)).json() for event in events]
    for booking in held:
        await let_lapse(app, booking["id"])
    for stuck in held:
        async with another(app) as other:
            await other.lock("seat", booking_id=UUID(stuck["id"]))
            began = time.monotonic()
            await maintenance.sweep_holds(app.state.database, app.state.settings.offer_for)
            assert time.monotonic() - began < SOON_SECONDS
        # The others in the first round; what was stuck when it is so no more.
        found = await rows(
            app,
            "SELECT status FROM booking WHERE id = ANY(:ids)",
            ids=[UUID(one["id"]) for one in held if one is not held[0]],
        )
        assert {row.status for row in found} == {"expired"}
    await sweep(app)


async def leave_behind(app: FastAPI, event: Json, entries: int = LEFT_BEHIND) -> None:
    await change(
        app,
        """
        WITH joined AS (
            INSERT INTO waitlist_entry (event_id, user_id, quantity, times_passed, joined_at)
            SELECT :id, gen_random_uuid(), 2, 0, now() FROM generate_series(1, :entries)
            RETURNING event_id, user_id, quantity
        )
        INSERT INTO seat_allowance SELECT event_id, user_id, quantity, 10 FROM joined
        """,
        id=event["id"],
        entries=entries,
    )
    async with app.state.database.engine.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.execute(text("VACUUM ANALYZE waitlist_entry"))


async def pages_read(app: FastAPI, statement: str) -> int:
    """8 kB pages, which are the same whatever else the machine does."""
    explained = text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
    async with app.state.database.transaction() as session:
        # As in a large database: the few seats of a test may be cheaper to read as a whole.
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        found = await session.execute(explained, {"events": maintenance.EVENTS_PER_SWEEP})
        plan = found.scalar_one()[0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


async def test_a_sweep_costs_nothing_for_those_who_wait_in_vain(
    app: FastAPI, sold_out: tuple[Json, User, Json]
) -> None:
    event, _, _ = sold_out
    # What other tests have left is vacuumed.
    await leave_behind(app, event, 0)
    ways = (statements.list_due_events.text, SMALLEST_OF_ALL)
    before = [await pages_read(app, way) for way in ways]
    await leave_behind(app, event)
    more, more_by_control = [await pages_read(app, way) - before[n] for n, way in enumerate(ways)]
    # The control: the same rows cost whoever reads them all.
    assert more_by_control > 60
    assert more < more_by_control / 2
    await change(app, "DELETE FROM waitlist_entry WHERE event_id = :id", id=event["id"])


async def test_whoever_waits_for_what_is_over_waits_no_more(
    app: FastAPI, published: Publish, user: MakeUser
) -> None:
    events = [await published(capacity=1) for _ in range(2)]
    holder, first, second = user(), user(), user()
    for event in events:
        assert (await holder.book(event, hold=True)).status_code == 201
        for someone in (first, second):
            await join(someone, event, 1)
    over, running = events
    past = "starts_at = now() - interval '2 hours', ends_at = now() - interval '1 second'"
    await change(app, f"UPDATE event SET {past} WHERE id = :id", id=over["id"])
    while await maintenance.end_waitlists(app.state.database):
        pass
    found = await rows(
        app,
        "SELECT event_id, count(*) FROM waitlist_entry WHERE event_id = ANY(:ids) GROUP BY 1",
        ids=[UUID(event["id"]) for event in events],
    )
    assert [(str(row[0]), row[1]) for row in found] == [(running["id"], 2)]
    counted = await rows(
        app,
        "SELECT seats FROM seat_allowance WHERE event_id = :id AND user_id <> :holder",
        id=over["id"],
        holder=holder.id,
    )
    assert [row.seats for row in counted] == [0, 0]


async def test_many_go_in_bounded_steps(app: FastAPI, published: Publish) -> None:
    event = await published(capacity=1)
    await leave_behind(app, event, 2_500)
    past = "starts_at = now() - interval '2 hours', ends_at = now() - interval '1 second'"
    await change(app, f"UPDATE event SET {past} WHERE id = :id", id=event["id"])
    steps = [await maintenance.end_waitlists(app.state.database) for _ in range(3)]
    assert steps == [True, True, False]
    left = await rows(app, "SELECT 1 FROM waitlist_entry WHERE event_id = :id", id=event["id"])
    assert left == []


@pytest.mark.parametrize("old", [0, 3, 4, 9])
async def test_old_messages_and_keys_go_a_batch_at_a_time(
    app: FastAPI, guest: User, monkeypatch: pytest.MonkeyPatch, old: int
) -> None:
    monkeypatch.setattr(purging, "ROWS_PER_BATCH", 4)
    await change(app, "DELETE FROM idempotency_key")
    await change(
        app,
        """
        INSERT INTO idempotency_key (user_id, key, fingerprint, booking_id, created_at)
        SELECT :id, n::text, '', gen_random_uuid(),
            now() - CASE WHEN n <= :old THEN interval '25 hours' ELSE interval '23 hours' END
        FROM generate_series(1, :old + 2) AS n
        """,
        id=guest.id,
        old=old,
    )
    await maintenance.forget_idempotency_keys(app.state.database, timedelta(hours=24))
    [(left,)] = await rows(app, "SELECT count(*) FROM idempotency_key")
    assert left == 2
    await change(app, "DELETE FROM outbox")
    await change(
        app,
        """
        INSERT INTO outbox (id, task, topic, message, created_at, next_attempt_at, attempts,
            confirmed_at)
        SELECT gen_random_uuid(), '', '', '{}', now(), now(), 0,
            now() - CASE WHEN n <= :old THEN interval '8 days' ELSE interval '6 days' END
        FROM generate_series(1, :old + 2) AS n
        """,
        old=old,
    )
    outbox = OutboxQueries(OutboxMessage)
    async with app.state.database.transaction() as session:
        week = timedelta(days=7)
        steps = [await outbox.purge(session, older_than=week, limit=4) for _ in range(4)]
    assert steps == [min(4, max(0, old - 4 * number)) for number in range(4)]
    [(left,)] = await rows(app, "SELECT count(*) FROM outbox")
    assert left == 2
    await change(app, "DELETE FROM outbox")

"""An event with thousands of guests, and how long everybody else waits while something is done to it."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from fastapi import FastAPI
from sqlalchemy import text

from tests.events.conftest import Json

ResultT = TypeVar("ResultT")

# One guest in ten has two bookings of a seat; the last tenth of the seats is held.
_STEPS = (
    """
    CREATE TEMP TABLE made ON COMMIT DROP AS
    SELECT seat.id AS seat_id, seat.position, gen_random_uuid() AS booking_id,
        seat.position > :seats * 0.9 AS is_hold,
        md5(seat.event_id::text || CASE WHEN position % 11 = 10 THEN position - 1 ELSE position END
        )::uuid AS user_id
    FROM seat WHERE event_id = :event_id AND position <= :seats
    """,
    """
    INSERT INTO booking (id, event_id, user_id, status, quantity, total, currency, created_at,
        expires_at)
    SELECT booking_id, :event_id, user_id, CASE WHEN is_hold THEN 'held' ELSE 'confirmed' END, 1,
        2500, 'EUR', now(), CASE WHEN is_hold THEN now() + interval '10 minutes' END FROM made
    """,
    """
    INSERT INTO ticket (booking_id, seat_id, position, price, code)
    SELECT booking_id, seat_id, position, 2500, upper(replace(seat_id::text, '-', '')) FROM made
    """,
    """
    UPDATE seat SET booking_id = made.booking_id,
        held_until = CASE WHEN is_hold THEN now() + interval '10 minutes' END
    FROM made WHERE seat.id = made.seat_id
    """,
    """
    INSERT INTO seat_allowance (event_id, user_id, seats, max_seats)
    SELECT :event_id, user_id, count(*), 10 FROM made GROUP BY user_id
    """,
    """
    INSERT INTO seat_tally (id, event_id, held, booked, folded)
    SELECT gen_random_uuid(), :event_id, count(*) FILTER (WHERE is_hold),
        count(*) FILTER (WHERE NOT is_hold), true FROM made
    """,
)


async def fill(app: FastAPI, event: Json, seats: int) -> int:
    """Books and holds so many seats of the event; how many guests there are then."""
    async with app.state.database.transaction() as session:
        given = {"event_id": event["id"], "seats": seats}
        for step in _STEPS:
            names = [name for name in given if f":{name}" in step]
            await session.execute(text(step), {name: given[name] for name in names})
        guests = await session.scalar(
            text("SELECT count(DISTINCT user_id) FROM booking WHERE event_id = :event_id"),
            {"event_id": event["id"]},
        )
    # As autovacuum would have done in an event that filled up over weeks.
    async with app.state.database.engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        for table in ("booking", "seat", "seat_allowance", "ticket"):
            await plain.execute(text(f"VACUUM ANALYZE {table}"))
    return int(guests or 0)


async def wait_in_line(app: FastAPI, event: Json, people: int) -> None:
    async with app.state.database.transaction() as session:
        await session.execute(
            text("""
                WITH waiting AS (
                    INSERT INTO waitlist_entry (event_id, user_id, quantity, times_passed, joined_at)
                    SELECT :event_id, gen_random_uuid(), 1, 0, now()
                    FROM generate_series(1, :people) RETURNING user_id
                )
                INSERT INTO seat_allowance (event_id, user_id, seats, max_seats)
                SELECT :event_id, user_id, 1, 10 FROM waiting
            """),
            {"event_id": event["id"], "people": people},
        )


@dataclass
class Waited:
    """Of others: the longest that the event loop was busy in one go, in seconds of processor time, since
    on a busy machine everything takes longer by the clock."""

    loop: float = 0.0


@asynccontextmanager
async def others_waiting() -> AsyncIterator[Waited]:
    waited = Waited()
    # What the tests before have left is collected now, and not in the midst.
    gc.collect()

    async def tick() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.001)
            waited.loop = max(waited.loop, time.thread_time() - before)

    ticking = asyncio.create_task(tick())
    # It waits before there is anything to wait for, and wakes once more when that is over.
    await asyncio.sleep(0.01)
    try:
        yield waited
        await asyncio.sleep(0.01)
    finally:
        ticking.cancel()


async def timed(work: Awaitable[ResultT]) -> tuple[ResultT, float]:
    begun = time.perf_counter()
    result = await work
    return result, time.perf_counter() - begun

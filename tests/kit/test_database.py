"""What PostgreSQL takes back is done again, a few times; what it refuses is not."""

import asyncio
import random
import time
from functools import partial

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit.database.engine import MAX_ATTEMPTS, MAX_PAUSE_SECONDS, Database, TryAgain
from service_kit.database.errors import sqlstate
from service_kit.problems import Unavailable

LOCK = text("SELECT pg_advisory_xact_lock(:scene, :number)")
DEADLOCK_DETECTED = "40P01"


class Crossing:
    """Two that lock the same two things in opposite order; the first time they meet in the middle."""

    def __init__(self) -> None:
        self.attempts = 0
        # All workers of a run share the database, and would meet in the middle of one another's.
        self._scene = random.getrandbits(31)
        self._first_is_held = [asyncio.Event(), asyncio.Event()]

    async def go(self, number: int, session: AsyncSession) -> None:
        self.attempts += 1
        await session.execute(text("SET LOCAL deadlock_timeout = '50ms'"))
        await session.execute(LOCK, {"scene": self._scene, "number": number})
        self._first_is_held[number].set()
        await self._first_is_held[1 - number].wait()
        await session.execute(LOCK, {"scene": self._scene, "number": 1 - number})


async def test_the_victim_of_a_deadlock_begins_again(database: Database) -> None:
    crossing = Crossing()
    await asyncio.gather(*(database.run(partial(crossing.go, number)) for number in (0, 1)))
    assert crossing.attempts == 3


async def test_without_the_retry_it_would_fail(database: Database) -> None:
    """The negative control: a transaction as it is."""
    crossing = Crossing()

    async def once(number: int) -> None:
        async with database.transaction() as session:
            await crossing.go(number, session)

    ends = await asyncio.gather(once(0), once(1), return_exceptions=True)
    [error] = [end for end in ends if end is not None]
    assert isinstance(error, DBAPIError) and sqlstate(error) == DEADLOCK_DETECTED


async def test_a_victim_leaves_its_locks_to_those_who_waited_for_them(database: Database) -> None:
    """A row's lock goes to whoever looks first, a newcomer too: that would be the next deadlock."""
    times: list[float] = []

    async def work(_: AsyncSession) -> None:
        times.append(time.monotonic())
        if len(times) == 1:
            raise asyncpg.DeadlockDetectedError

    await database.run(work)
    assert times[1] - times[0] >= MAX_PAUSE_SECONDS / 2


async def test_a_transaction_that_never_succeeds_is_unavailable(database: Database) -> None:
    attempts = 0

    async def work(session: AsyncSession) -> None:
        nonlocal attempts
        attempts += 1
        raise TryAgain

    with pytest.raises(Unavailable):
        await database.run(work)
    assert attempts == MAX_ATTEMPTS


async def test_what_the_database_forbids_is_not_tried_again(database: Database) -> None:
    attempts = 0

    async def work(session: AsyncSession) -> None:
        nonlocal attempts
        attempts += 1
        await session.execute(text("CREATE TEMP TABLE one (id int PRIMARY KEY) ON COMMIT DROP"))
        await session.execute(text("INSERT INTO one VALUES (1), (1)"))

    with pytest.raises(IntegrityError):
        await database.run(work)
    assert attempts == 1

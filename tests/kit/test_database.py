"""What PostgreSQL takes back is done again, a few times; what it refuses is not."""

import asyncio
import errno
import random
import socket
import time
from functools import partial

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit.database.engine import MAX_ATTEMPTS, MAX_PAUSE_SECONDS, Database, TryAgain
from service_kit.database.errors import DATABASE_ERRORS, means_unavailable, sqlstate
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


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"),
        ConnectionResetError(),
        OSError(errno.EHOSTUNREACH, "No route to host"),
        OSError(errno.ENETUNREACH, "Network is unreachable"),
        TimeoutError(),
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
    ],
    ids=lambda error: str(error) or type(error).__name__,
)
def test_a_database_that_cannot_be_connected_to_is_away(error: OSError) -> None:
    assert isinstance(error, DATABASE_ERRORS) and means_unavailable(error)


async def test_so_is_one_whose_name_nobody_knows() -> None:
    """As that of a container that has stopped."""
    engine = create_async_engine("postgresql+asyncpg://nobody:x@postgres.invalid/nothing")
    with pytest.raises(DATABASE_ERRORS) as raised:
        async with engine.connect():
            pass
    assert means_unavailable(raised.value)


def test_a_file_that_is_not_there_is_a_fault_of_ours() -> None:
    assert not means_unavailable(FileNotFoundError(errno.ENOENT, "No such file or directory"))

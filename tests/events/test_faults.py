"""The same load during faults: every answer stays true."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from event_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.ids import new_id
from stack.ports import free_port
from stack.postgres import Postgres
from stack.processes import Process, Program
from stack.redis import Redis
from tests.conftest import FreshDatabase, _migrate, for_sqlalchemy
from tests.events.consistency import find_violations
from tests.events.history import BOOKED, UNKNOWN
from tests.events.load import Load
from tests.events.servers import SERVICE, Server, Servers, servers

__all__ = ["servers"]

SEATS = 97
PATIENCE_SECONDS = 90.0
# A busy machine adds to everything; what is promised is in relation to the usual of the same load.
TIMES_THE_USUAL = 3
NOTICED_SECONDS = 0.5
SETTLED_SECONDS = 0.5
# Of so many tries one has to be as promised: without Redis each request would wait, in each try.
TRIES = 3

pytestmark = pytest.mark.alone


@pytest.fixture
async def own_settings(settings: Settings, fresh_database: FreshDatabase) -> Settings:
    return changed(settings, database_url=await fresh_database("event"))


def changed(settings: Settings, **values: object) -> Settings:
    return Settings.model_validate(settings.model_dump() | {"hold_seconds": 1} | values)


@asynccontextmanager
async def stormed(started: list[Server], settings: Settings) -> AsyncIterator[Load]:
    """Within the block the load runs; after it everything has ended and is read."""
    async with Load(started, gives_up=True) as load:
        await load.open_event(SEATS, is_assigned=False)
        async with connected(settings) as database:
            await load.see_seats(database, is_assigned=False)
        storm = asyncio.create_task(load.storm())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await load.has_booked(20)
                yield load
                await load.has_booked(20)
        finally:
            load.calm_down()
            await storm
        async with connected(settings) as database:
            await load.settle(database, settings)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings, application_name="faults")
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def process_of(program: Program, folder: Path) -> Iterator[Process]:
    process = Process(program, run_dir=folder, log_dir=folder, cwd=folder)
    process.start()
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.stop()


async def is_served_again(load: Load) -> None:
    """Returns when each process sells again, to newcomers."""
    served = 0
    while served < 8:
        told = await load.attempt(str(new_id()), 1)
        served = 0 if told.outcome == UNKNOWN else served + 1


@pytest.mark.parametrize(
    ("module", "is_kept"),
    [
        (SERVICE, True),
        pytest.param("tests.events.mutants.early_answers", False, marks=pytest.mark.by_chance),
    ],
)
async def test_what_a_client_was_told_outlives_the_process_that_told_it(
    servers: Servers, own_settings: Settings, module: str, is_kept: bool
) -> None:
    """SIGKILL, twice; the second case, which answers before it commits, is the control."""
    violations: list[str] = []
    # Chance may spare the control.
    for _ in range(1 if is_kept else 4):
        started = await servers.start(own_settings, module=module)
        async with stormed(started, own_settings) as load:
            for server in started:
                await load.has_booked(10)
                server.kill()
                server.start()
                await server.is_ready()
        assert load.cut_off
        violations += [str(violation) for violation in find_violations(load.history)]
        if violations:
            break
    assert (violations == []) == is_kept


async def test_while_postgresql_restarts_requests_are_asked_to_come_again(
    servers: Servers, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "database"
    folder.mkdir()
    for parent in (tmp_path, *list(tmp_path.parents)[:3]):
        parent.chmod(0o711)
    postgres = Postgres(folder / "postgres", port=free_port(), password="test", durable=False)
    await asyncio.to_thread(postgres.initialise)
    with process_of(postgres.program(), folder) as process:
        await asyncio.to_thread(_migrate, "event", postgres.url())
        own = changed(settings, database_url=for_sqlalchemy(postgres.url()))
        started = await servers.start(own)
        async with stormed(started, own) as load:
            await asyncio.to_thread(process.stop)
            while not load.unavailable:
                await asyncio.sleep(0.01)
            process.start()
            await is_served_again(load)
    assert [str(violation) for violation in find_violations(load.history)] == []
    assert {answer.headers["Retry-After"] for answer in load.unavailable} == {"1"}
    assert load.cut_off == 0 and all(server.is_running for server in started)


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_without_redis_bookings_go_on(
    servers: Servers, own_settings: Settings, tmp_path: Path, how: str
) -> None:
    """Frozen, it takes connections and never answers."""
    for number in range(TRIES):
        folder = tmp_path / str(number)
        folder.mkdir()
        load, (begun, ended) = await storm_without_redis(servers, own_settings, folder, how)
        assert [str(violation) for violation in find_violations(load.history)] == []
        assert load.cut_off == 0 and load.unavailable == []
        usual, without = times_of(load, begun, ended)
        if p90(without) < TIMES_THE_USUAL * p90(usual) + NOTICED_SECONDS:
            return
    pytest.fail(f"usually {p90(usual):.2f} s, without Redis {p90(without):.2f} s")


async def storm_without_redis(
    servers: Servers, own_settings: Settings, folder: Path, how: str
) -> tuple[Load, tuple[float, float]]:
    """The load, and between which times there was no Redis."""
    redis = Redis("redis", folder / "redis", port=free_port(), password="test", is_broker=False)
    with process_of(redis.program(), folder) as process:
        own = changed(own_settings, cache_redis_url=redis.url, broker_url=redis.url)
        # Rate limits count in Redis.
        started = await servers.start(own, RATE_LIMIT_ENABLED="true")
        async with stormed(started, own) as load:
            if how == "killed":
                process.kill()
            else:
                os.kill(process.pid or 0, signal.SIGSTOP)
            begun = time.time()
            # Some batches beyond the one in which the processes notice.
            await load.has_booked(120)
            if how == "killed":
                process.start()
            else:
                os.kill(process.pid or 0, signal.SIGCONT)
            ended = time.time()
    return load, (begun, ended)


def times_of(load: Load, begun: float, ended: float) -> tuple[list[float], list[float]]:
    """Seconds that attempts took usually, and between these times."""
    usual, without = [], []
    for attempt in load.history.attempts:
        if begun < attempt.invoked < ended:
            without.append(attempt.completed - attempt.invoked)
        elif attempt.completed < begun or ended + SETTLED_SECONDS < attempt.invoked:
            usual.append(attempt.completed - attempt.invoked)
    return usual, without


def p90(seconds: list[float]) -> float:
    """Of some dozens the slowest one is the machine's doing; a wait for Redis is in each."""
    return sorted(seconds)[len(seconds) * 90 // 100]


WAITING = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
""")


async def test_a_process_that_is_asked_to_end_finishes_what_is_under_way(
    servers: Servers, own_settings: Settings
) -> None:
    """SIGTERM, while bookings wait for a lock on their event."""
    leaving, staying = await servers.start(own_settings)
    under_way = 5
    async with connected(own_settings) as database, Load([leaving]) as load:
        await load.open_event(SEATS, is_assigned=False)
        async with database.transaction() as session:
            lock = text("SELECT FROM event WHERE id = :id FOR UPDATE")
            await session.execute(lock, {"id": UUID(load.event_id)})
            asked = [asyncio.create_task(load.attempt(str(new_id()), 1)) for _ in range(under_way)]
            # The first of them, or a batch; the rest gathers behind it.
            await are_waiting(database, 1)
            await asyncio.sleep(0.5)
            leaving.ask_to_end()
            await refuses_connections(leaving)
        told = await asyncio.gather(*asked)
    assert [attempt.outcome for attempt in told] == [BOOKED] * under_way
    # uvicorn ends by the signal that it was sent, when it is done.
    assert await leaving.has_ended() in (0, -signal.SIGTERM)
    async with Load([staying]) as others:
        others.event_id = load.event_id
        assert (await others.attempt(str(new_id()), 1)).outcome == BOOKED


async def are_waiting(database: Database, sessions: int) -> None:
    """Returns when so many wait for a lock. Each look is a transaction, since one sees one state."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        waiting = 0
        while waiting < sessions:
            async with database.transaction() as session:
                waiting = (await session.execute(WAITING)).scalar_one()


async def refuses_connections(server: Server) -> None:
    async with httpx.AsyncClient() as client:
        while True:
            try:
                await client.get(f"{server.url}/health/live")
            except httpx.ConnectError:
                return
            except httpx.TransportError:
                # Taken by the kernel at the last moment, and never served.
                pass
            await asyncio.sleep(0.01)

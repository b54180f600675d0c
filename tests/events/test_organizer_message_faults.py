"""Two relays write what an organizer has written to thousands, and something breaks in the midst."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import Executable, text
from sqlalchemy.exc import DBAPIError

from event_service.settings import Settings
from service_kit.database.engine import Database
from stack.ports import free_port
from stack.postgres import Postgres
from tests.conftest import FreshDatabase, _migrate, for_sqlalchemy
from tests.events.servers import Servers, servers
from tests.events.test_faults import changed, connected, process_of
from tests.processes import OneProcess

__all__ = ["servers"]

RELAY, MUTANT = "event_service.relay", "tests.events.mutants.messages_apart"
GUESTS = 10_000
RELAYS = 2
KILLS = 2
PATIENCE_SECONDS = 60.0

_ASK = text("""
    WITH event AS (
        INSERT INTO event (id, organizer_id, title, description, category, venue, city, timezone,
            starts_at, ends_at, status, seating, capacity, price, currency, max_seats_per_user,
            version, created_at, updated_at)
        VALUES (gen_random_uuid(), gen_random_uuid(), 'Winter concert', '', '', 'Town hall', 'Berlin',
            'Europe/Berlin', now() + interval '1 day', now() + interval '2 days', 'published',
            'general', :guests, 0, 'EUR', 10, 1, now(), now())
        RETURNING id
    )
    INSERT INTO organizer_message (id, event_id, subject, body, guest_ids, written, created_at)
    SELECT gen_random_uuid(), id, 'Doors', 'They open at six.',
        (SELECT array_agg(gen_random_uuid()) FROM generate_series(1, :guests)), 0, now()
    FROM event
""")
_STATE = text("""
    SELECT (SELECT count(*) FROM outbox) AS messages,
        (SELECT count(DISTINCT message->>'user_id') FROM outbox) AS guests,
        EXISTS (SELECT FROM organizer_message) AS is_unfinished
""")


class Writing:
    """A database with a message to many guests, and the relays that write it to each."""

    def __init__(self, database: Database, command: list[str], environment: dict[str, str]) -> None:
        self._database = database
        self._command = command
        self._environment = environment

    async def ask(self) -> None:
        await self._change(_ASK, guests=GUESTS)

    def start(self, log: Path) -> OneProcess:
        return OneProcess(self._command, self._environment, log)

    async def make_due(self) -> None:
        """As if the pause after a batch that was not written were over."""
        await self._change(text("UPDATE organizer_message SET next_attempt_at = now()"))

    async def written(self) -> tuple[int, int, bool]:
        """How many messages there are, to how many guests, and whether there will be more."""
        async with self._database.transaction() as session:
            messages, guests, is_unfinished = (await session.execute(_STATE)).one()
        return messages, guests, is_unfinished

    async def goes_on(self) -> None:
        """Returns at the next batch, or at the end."""
        before, _, _ = await self.written()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                messages, _, is_unfinished = await self.written()
                if messages > before or not is_unfinished:
                    return
                await asyncio.sleep(0.01)

    async def ends(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await self.written())[2]:
                await self.make_due()
                await asyncio.sleep(0.2)

    async def _change(self, statement: Executable, **values: object) -> None:
        async with self._database.transaction() as session:
            await session.execute(statement, values)


@asynccontextmanager
async def writing(
    servers: Servers, settings: Settings, module: str = RELAY
) -> AsyncIterator[Writing]:
    # Nobody takes what the relays put on a queue: there is none.
    environment = servers.environment(settings) | {
        "BROKER_URL": f"redis://127.0.0.1:{free_port()}/0"
    }
    async with connected(settings) as database:
        one = Writing(database, [sys.executable, "-m", module], environment)
        await one.ask()
        yield one


@pytest.mark.parametrize(
    ("module", "is_once"), [(RELAY, True), pytest.param(MUTANT, False, marks=pytest.mark.by_chance)]
)
async def test_relays_that_are_killed_in_the_midst_write_to_each_guest_once(
    servers: Servers,
    settings: Settings,
    fresh_database: FreshDatabase,
    tmp_path: Path,
    module: str,
    is_once: bool,
) -> None:
    """SIGKILL; the second case, which commits a batch in two pieces, is the control."""
    own = changed(settings, database_url=await fresh_database("event"))
    async with writing(servers, own, module) as one:
        for number in range(KILLS):
            with ExitStack() as relays:
                started = [
                    relays.enter_context(one.start(tmp_path / f"relay{number}-{which}.log"))
                    for which in range(RELAYS)
                ]
                await one.goes_on()
                for relay in started:
                    relay.kill()
            await one.make_due()
        _, _, was_unfinished = await one.written()
        with one.start(tmp_path / "relay.log"):
            await one.ends()
        messages, guests, _ = await one.written()
    assert was_unfinished
    assert guests == GUESTS
    assert (messages == GUESTS) == is_once


async def test_while_postgresql_restarts_each_guest_is_written_to_once(
    servers: Servers, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "database"
    folder.mkdir()
    for parent in (tmp_path, *list(tmp_path.parents)[:3]):
        parent.chmod(0o711)
    postgres = Postgres(folder / "postgres", port=free_port(), password="test", durable=False)
    await asyncio.to_thread(postgres.initialise)
    with process_of(postgres.program(), folder) as process, ExitStack() as relays:
        await asyncio.to_thread(_migrate, "event", postgres.url())
        own = changed(settings, database_url=for_sqlalchemy(postgres.url()))
        async with writing(servers, own) as one:
            started = [
                relays.enter_context(one.start(tmp_path / f"relay{which}.log"))
                for which in range(RELAYS)
            ]
            await one.goes_on()
            await asyncio.to_thread(process.stop)
            process.start()
            await asyncio.to_thread(process.wait_until_ready)
            # The pool's connections have ended, of which it hears now.
            with suppress(DBAPIError):
                await one.written()
            _, _, was_unfinished = await one.written()
            await one.ends()
            assert all(relay.is_running for relay in started)
            assert await one.written() == (GUESTS, GUESTS, False)
    assert was_unfinished

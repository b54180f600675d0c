"""The release before serves people while its successor's migrations run: they keep nobody waiting."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
from alembic import command as alembic
from alembic.config import Config
from sqlalchemy import event
from sqlalchemy.engine import Engine

from auth_service.settings import Settings as AuthSettings
from event_service.settings import Settings as EventSettings
from notification_service.settings import Settings as NotificationSettings
from service_kit.database.migrations import alembic_config
from service_kit.settings import ServiceSettings
from tests.conftest import MIGRATIONS, ROOT, SECRET, FreshDatabase

# The last revision of the release before, of each service.
RELEASED = {"auth": "f48d4a21f3df", "event": "5e0b9d2f8c13", "notification": "dab0dcb4ef3f"}
PACKAGES: dict[str, Any] = {
    "auth": ("auth_service", AuthSettings),
    "event": ("event_service", EventSettings),
    "notification": ("notification_service", NotificationSettings),
}
TABLES = """
    SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        AND relname <> 'alembic_version'
"""
# Of these locks each keeps readers or writers waiting.
HELD = """
    SELECT relname, mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE pid = pg_backend_pid() AND granted AND mode IN (
        'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'
    )
"""
GOES_THROUGH_ROWS = re.compile(
    r"^\s*(CREATE (UNIQUE )?INDEX|UPDATE (?!alembic_version)|INSERT INTO (?!alembic_version)|DELETE FROM"
    r" (?!alembic_version)|WITH|ANALYZE|ALTER TABLE \S+ (VALIDATE|ADD CONSTRAINT(?!.*NOT VALID)))",
    re.IGNORECASE | re.DOTALL,
)


class Watch:
    """Notes what goes through the rows of tables that were there before, or does so while it keeps
    people waiting for one of them."""

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self.seen: list[str] = []
        self.wrong: list[str] = []

    def __call__(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not self.tables or not GOES_THROUGH_ROWS.match(statement):
            return
        short = " ".join(statement.split())[:120]
        self.seen.append(short)
        built_on = re.match(r"CREATE (?:UNIQUE )?INDEX(.*?) ON (\w+)", short)
        if built_on and built_on[2] not in self.tables:
            return  # of a table that is new, and empty
        cursor.execute(HELD)
        held = {(name, mode) for name, mode in cursor.fetchall() if name in self.tables}
        if held:
            self.wrong.append(f"{short}: {sorted(held)}")
        if built_on and "CONCURRENTLY" not in built_on[1]:
            self.wrong.append(f"{short}: not concurrently")
        constrained = re.match(r"ALTER TABLE (\w+) ADD CONSTRAINT", short)
        if constrained and constrained[1] in self.tables:
            self.wrong.append(f"{short}: validated at once")


@pytest.fixture
def watch() -> Iterator[Watch]:
    noted = Watch()
    event.listen(Engine, "before_cursor_execute", noted)
    yield noted
    event.remove(Engine, "before_cursor_execute", noted)


def environment(url: str) -> dict[str, str]:
    return {
        "ENVIRONMENT": "development",
        "DATABASE_URL": url,
        "CACHE_REDIS_URL": os.environ["TEST_REDIS_URL"],
        "BROKER_URL": os.environ["TEST_REDIS_URL"],
        "SECRET_KEY": SECRET,
        "VERIFICATION_TOKEN_SECRET": f"{SECRET}-verification",
        "RESET_PASSWORD_TOKEN_SECRET": f"{SECRET}-reset",
    }


def config_of(service: str, url: str, patch: pytest.MonkeyPatch) -> Config:
    package, settings = PACKAGES[service]
    for name, value in environment(url).items():
        patch.setenv(name, value)
    made: ServiceSettings = settings()
    return alembic_config(package, made)


async def connected(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url.replace("+asyncpg", ""))


@pytest.fixture(params=sorted(RELEASED))
async def released(
    request: pytest.FixtureRequest, fresh_database: FreshDatabase, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[str, str, Config]]:
    """A service, the URL of its database as the release before has it, and Alembic's settings."""
    service = request.param
    url = await fresh_database(service)
    config = config_of(service, url, monkeypatch)
    await asyncio.to_thread(alembic.downgrade, config, RELEASED[service])
    yield service, url, config


async def test_nobody_waits_while_a_migration_goes_through_rows(
    released: tuple[str, str, Config], watch: Watch
) -> None:
    _, url, config = released
    connection = await connected(url)
    watch.tables = {row[0] for row in await connection.fetch(TABLES)}
    await asyncio.to_thread(alembic.upgrade, config, "head")
    assert watch.seen and not watch.wrong, watch.wrong
    assert not await connection.fetch("SELECT * FROM pg_index WHERE NOT indisvalid")
    await connection.close()


@pytest.mark.alone
@pytest.mark.parametrize("released", ["event"], indirect=True)
async def test_people_are_served_while_an_index_waits_for_a_long_transaction(
    released: tuple[str, str, Config],
) -> None:
    """And what a broken attempt has left half built is built anew."""
    _, url, config = released
    holder, other = await connected(url), await connected(url)
    await asyncio.to_thread(alembic.upgrade, config, "4d8e2a5b17c6")
    writing = holder.transaction()
    await writing.start()
    await holder.execute("LOCK TABLE seat IN ROW EXCLUSIVE MODE")
    upgrading = asyncio.create_task(asyncio.to_thread(alembic.upgrade, config, "7d20c4a96e51"))
    waiting = (
        "SELECT pid FROM pg_stat_activity"
        " WHERE query ~ 'ix_seat_section' AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
    )
    while not (builders := await other.fetch(waiting)):
        assert not upgrading.done()
        await asyncio.sleep(0.05)
    began = time.monotonic()
    await other.execute("SELECT count(*) FROM seat")
    await other.execute("DELETE FROM seat WHERE false")
    assert time.monotonic() - began < 1
    await other.execute("SELECT pg_terminate_backend($1)", builders[0][0])
    with pytest.raises(Exception):  # noqa: B017
        await upgrading
    assert await other.fetch("SELECT 1 FROM pg_index WHERE NOT indisvalid")
    await writing.rollback()
    await asyncio.to_thread(alembic.upgrade, config, "head")
    assert not await other.fetch("SELECT 1 FROM pg_index WHERE NOT indisvalid")
    await holder.close()
    await other.close()


@pytest.mark.alone
async def test_jobs_at_once_migrate_once_and_one_that_finds_a_table_in_use_tries_again(
    released: tuple[str, str, Config],
) -> None:
    service, url, _ = released
    table = {"auth": "account", "event": "event", "notification": "notifications"}[service]
    holder = await connected(url)
    reading = holder.transaction()
    await reading.start()
    await holder.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
    jobs = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"{MIGRATIONS[service]}.migrate",
            cwd=ROOT, env=os.environ | environment(url), stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]  # fmt: skip
    assert jobs[0].stderr is not None
    others, reader = await connected(url), await connected(url)
    waits = (
        "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = $1::text::regclass"
        " AND mode LIKE '%Exclusive%'"
    )
    while not await others.fetch(waits, table):
        await asyncio.sleep(0.02)
    began = time.monotonic()
    await reader.execute(f"SELECT 1 FROM {table} LIMIT 1")
    assert time.monotonic() - began < 2
    assert all(job.returncode is None for job in jobs)
    await reading.rollback()
    told = [(await job.communicate())[1].decode() for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0, 0], told
    assert any("trying again" in text for text in told)
    for connection in (others, reader, holder):
        await connection.close()

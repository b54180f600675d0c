"""Processes of the release before read and write while a table gets a new name, and afterwards."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from alembic import command as alembic
from alembic.config import Config

from tests.conftest import FreshDatabase
from tests.kit.test_migrations import config_of, connected

# By service: the last revision with the old names, and what each table is called from then on.
RENAMED: dict[str, tuple[str, dict[str, str]]] = {
    "event": ("8c1d4f7a2e90", {"erased_users": "erased_user"}),
    "notification": ("7e41b9d0c2a6", {"erased_users": "erased_user"}),
}
NAMES = """
    SELECT conname FROM pg_constraint WHERE conrelid = to_regclass($1)
    UNION
    SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = to_regclass($1)
"""
# Statements of the release before, in this order, for an id that is new each time; and their results.
NOTE = """
    INSERT INTO erased_users (user_id, erased_at) VALUES ($1, now())
    ON CONFLICT (user_id) DO UPDATE SET erased_at = now()
"""
READ = "SELECT erased_users.user_id FROM erased_users WHERE user_id = $1"
# ``service_kit.database.purging.delete_some``
PURGE = """
    DELETE FROM erased_users WHERE ctid = ANY(array((
        SELECT ctid FROM erased_users WHERE user_id = $1 LIMIT 1000 FOR UPDATE SKIP LOCKED
    )))
"""
STATEMENTS = [
    (NOTE, "INSERT 0 1"),
    (NOTE, "INSERT 0 1"),
    (READ, "SELECT 1"),
    (PURGE, "DELETE 1"),
    (READ, "SELECT 0"),
]


class ReleaseBefore:
    """A process of the release before: it prepares each statement once, and goes on with it."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._prepared: dict[str, Any] = {}

    async def send(self, statement: str, *values: Any) -> str:
        """What PostgreSQL says was done."""
        if statement not in self._prepared:
            self._prepared[statement] = await self._connection.prepare(statement)
        prepared = self._prepared[statement]
        await prepared.fetch(*values)
        return str(prepared.get_statusmsg())

    async def work(self) -> None:
        id_ = uuid4()
        results = [await self.send(statement, id_) for statement, _ in STATEMENTS]
        assert results == [expected for _, expected in STATEMENTS]

    async def work_until(self, done: asyncio.Task[None]) -> None:
        while not done.done():
            await self.work()
        await done
        await self.work()


class Scene:
    """A database with the old names, migrated back and forth."""

    def __init__(self, service: str, config: Config, url: str) -> None:
        self._config, self._url = config, url
        self._last_revision, self.tables = RENAMED[service]
        self._connections: list[asyncpg.Connection] = []

    async def connect(self) -> asyncpg.Connection:
        self._connections.append(await connected(self._url))
        return self._connections[-1]

    async def close(self) -> None:
        for connection in self._connections:
            await connection.close()

    async def upgrade(self) -> None:
        await asyncio.to_thread(alembic.upgrade, self._config, "head")

    async def downgrade(self) -> None:
        await asyncio.to_thread(alembic.downgrade, self._config, self._last_revision)

    async def names(self, table: str) -> set[str]:
        """Of a table's constraints and indexes."""
        return {row[0] for row in await self._connections[0].fetch(NAMES, table)}


@pytest.fixture(params=sorted(RENAMED))
async def scene(
    request: pytest.FixtureRequest, fresh_database: FreshDatabase, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    url = await fresh_database(request.param)
    made = Scene(request.param, config_of(request.param, url, monkeypatch), url)
    await made.downgrade()
    await made.connect()
    yield made
    await made.close()


async def test_a_process_of_the_release_before_works_while_tables_are_renamed_and_afterwards(
    scene: Scene,
) -> None:
    running = ReleaseBefore(await scene.connect())
    await running.work()
    await running.work_until(asyncio.create_task(scene.upgrade()))
    # One that is started, or connects, on the new schema.
    await ReleaseBefore(await scene.connect()).work()
    await running.work_until(asyncio.create_task(scene.downgrade()))


async def test_what_is_named_after_a_table_is_renamed_with_it_and_back(scene: Scene) -> None:
    before = {old: await scene.names(old) for old in scene.tables}
    await scene.upgrade()
    for old, new in scene.tables.items():
        renamed = {name.replace(old, new, 1) for name in before[old]}
        assert renamed and renamed == await scene.names(new)
        assert not await scene.names(old)
    await scene.downgrade()
    assert before == {old: await scene.names(old) for old in scene.tables}


async def test_a_row_that_the_new_release_has_locked_is_skipped_by_the_one_before(
    scene: Scene,
) -> None:
    await scene.upgrade()
    before, new = ReleaseBefore(await scene.connect()), await scene.connect()
    await before.send(NOTE, id_ := uuid4())
    async with new.transaction():
        await new.execute("SELECT FROM erased_user WHERE user_id = $1 FOR UPDATE", id_)
        assert await before.send(PURGE, id_) == "DELETE 0"
    assert await before.send(PURGE, id_) == "DELETE 1"


async def test_control_through_a_view_without_the_address_of_rows_nothing_is_purged(
    scene: Scene,
) -> None:
    await scene.upgrade()
    other = await scene.connect()
    await other.execute("DROP VIEW erased_users")
    with pytest.raises(asyncpg.UndefinedTableError):
        await ReleaseBefore(other).work()
    await other.execute("CREATE VIEW erased_users AS SELECT * FROM erased_user")
    with pytest.raises(asyncpg.UndefinedColumnError, match="ctid"):
        await ReleaseBefore(other).work()

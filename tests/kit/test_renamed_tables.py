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
    "notification": (
        "7e41b9d0c2a6",
        {
            "erased_users": "erased_user",
            "notifications": "notification",
            "seen_messages": "seen_message",
            "preferences": "preference",
            "event_snapshots": "event_snapshot",
            "mail_allowances": "mail_allowance",
        },
    ),
}
NAMES = """
    SELECT conname FROM pg_constraint WHERE conrelid = to_regclass($1)
    UNION
    SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = to_regclass($1)
"""


def purge(table: str, key: str) -> str:
    """As ``service_kit.database.purging.delete_some``."""
    return f"""
        DELETE FROM {table} WHERE ctid = ANY(array((
            SELECT ctid FROM {table} WHERE {table}.{key} = $1 LIMIT 1000 FOR UPDATE SKIP LOCKED
        )))
    """


# Statements of the release before, shortened, in the order in which they are sent, each with its
# result. $1 is an id that is new each time.
NOTE = """
    INSERT INTO erased_users (user_id, erased_at) VALUES ($1, now())
    ON CONFLICT (user_id) DO UPDATE SET erased_at = now()
"""
READ = "SELECT erased_users.user_id FROM erased_users WHERE user_id = $1"
PURGE = purge("erased_users", "user_id")
ERASURES = [
    (NOTE, "INSERT 0 1"),
    (NOTE, "INSERT 0 1"),
    (READ, "SELECT 1"),
    (PURGE, "DELETE 1"),
    (READ, "SELECT 0"),
]
RECORD = """
    WITH snapshot AS (
        INSERT INTO event_snapshots AS known (event_id, version, snapshot, ends_at)
        SELECT $1::uuid, 1, '{}', now() WHERE NOT EXISTS (
            SELECT FROM event_snapshots AS kept WHERE kept.event_id = $1 AND kept.version > 1
        )
        ON CONFLICT (event_id) DO UPDATE SET version = excluded.version
        WHERE known.version < excluded.version OR NOT known.snapshot ? 'version'
    )
    INSERT INTO notifications (
        id, user_id, kind, dedup_key, event_id, data, occurred_at, status, attempts, crashes,
        resends, fence, next_attempt_at, timeline, created_at, wanted_at
    )
    SELECT $1::uuid, $1, 'event-changed', $1::uuid::text, $1, '{}', now(), 'queued', 0, 0, 0, 0, now(), '[]',
        now(), now()
    ON CONFLICT DO NOTHING
    RETURNING id, version
"""
CLAIM = """
    UPDATE notifications
    SET status = 'sending', attempts = attempts + 1, fence = fence + 1,
        lease_until = now() + interval '1 minute', timeline = timeline || '["claimed"]'::jsonb
    WHERE id IN (
        SELECT id FROM notifications WHERE id IN (
            SELECT other.id FROM notifications AS this
            JOIN notifications AS other USING (user_id, event_id)
            JOIN event_snapshots USING (event_id) WHERE this.id = $1
        )
        AND status = 'queued' ORDER BY id FOR UPDATE SKIP LOCKED
    )
    RETURNING id, kind, data, version, fence, waits_for
"""
SEE = "INSERT INTO seen_messages (id, seen_at) VALUES ($1, now()) ON CONFLICT DO NOTHING"
# Changes nothing, but returns the existing row.
PREFER = """
    INSERT INTO preferences (user_id, event_reminders, unsubscribe_token, updated_at)
    VALUES ($1::uuid, true, $1::uuid::text, now())
    ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id
    RETURNING preferences.event_reminders, preferences.unsubscribe_token
"""
ALLOW = """
    INSERT INTO mail_allowances AS kept (key, sent, granted, used_at)
    VALUES (uuid_send($1), ARRAY[now()], 1, now())
    ON CONFLICT (key) DO UPDATE SET (sent, granted, used_at) = (
        SELECT kept.sent || array_fill(now(), ARRAY[cardinality(excluded.sent)]), 1, now()
    )
    RETURNING key, granted, sent[1]
"""
GIVE_BACK = """
    UPDATE mail_allowances AS kept SET sent = kept.sent[1:cardinality(kept.sent) - 1]
    FROM (
        SELECT key FROM unnest(ARRAY[uuid_send($1)]) AS given (key)
        JOIN mail_allowances USING (key) ORDER BY key FOR UPDATE OF mail_allowances
    ) AS back
    WHERE kept.key = back.key
"""
STATEMENTS = {
    "event": ERASURES,
    "notification": [
        *ERASURES,
        (RECORD, "INSERT 0 1"),
        (RECORD, "INSERT 0 0"),
        (CLAIM, "UPDATE 1"),
        (CLAIM, "UPDATE 0"),
        (SEE, "INSERT 0 1"),
        (SEE, "INSERT 0 0"),
        (PREFER, "INSERT 0 1"),
        (PREFER, "INSERT 0 1"),
        (ALLOW, "INSERT 0 1"),
        (ALLOW, "INSERT 0 1"),
        (GIVE_BACK, "UPDATE 1"),
        (purge("notifications", "id"), "DELETE 1"),
        (purge("seen_messages", "id"), "DELETE 1"),
        (purge("event_snapshots", "event_id"), "DELETE 1"),
        ("DELETE FROM preferences WHERE preferences.user_id = $1", "DELETE 1"),
        ("DELETE FROM mail_allowances WHERE key = uuid_send($1)", "DELETE 1"),
    ],
}


class ReleaseBefore:
    """A process of the release before: it prepares each statement once, and goes on with it."""

    def __init__(self, service: str, connection: asyncpg.Connection) -> None:
        self._statements, self._connection = STATEMENTS[service], connection
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
        results = [await self.send(statement, id_) for statement, _ in self._statements]
        assert results == [expected for _, expected in self._statements]

    async def work_until(self, done: asyncio.Task[None]) -> None:
        while not done.done():
            await self.work()
        await done
        await self.work()


class Scene:
    """A database with the old names, migrated back and forth."""

    def __init__(self, service: str, config: Config, url: str) -> None:
        self._service, self._config, self._url = service, config, url
        self._last_revision, self.tables = RENAMED[service]
        self._connections: list[asyncpg.Connection] = []

    async def connect(self) -> asyncpg.Connection:
        self._connections.append(await connected(self._url))
        return self._connections[-1]

    async def release_before(self) -> ReleaseBefore:
        return ReleaseBefore(self._service, await self.connect())

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
    running = await scene.release_before()
    await running.work()
    await running.work_until(asyncio.create_task(scene.upgrade()))
    # One that is started, or connects, on the new schema.
    await (await scene.release_before()).work()
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
    before, new = await scene.release_before(), await scene.connect()
    await before.send(NOTE, id_ := uuid4())
    async with new.transaction():
        await new.execute("SELECT FROM erased_user WHERE user_id = $1 FOR UPDATE", id_)
        assert await before.send(PURGE, id_) == "DELETE 0"
    assert await before.send(PURGE, id_) == "DELETE 1"


async def test_control_through_a_view_without_the_address_of_rows_nothing_is_purged(
    scene: Scene,
) -> None:
    await scene.upgrade()
    before, other = await scene.release_before(), await scene.connect()
    await other.execute("DROP VIEW erased_users")
    with pytest.raises(asyncpg.UndefinedTableError):
        await before.work()
    await other.execute("CREATE VIEW erased_users AS SELECT * FROM erased_user")
    with pytest.raises(asyncpg.UndefinedColumnError, match="ctid"):
        await before.work()

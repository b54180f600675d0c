"""``migrate --wait``: a process starts with the schema of its own version or a newer one, never an older."""

import asyncio
from collections.abc import Callable

import pytest
from alembic import command as alembic
from alembic.config import Config

from service_kit.database.schema_wait import wait_for_schema
from tests.conftest import FreshDatabase
from tests.kit.test_migrations import RELEASED, config_of, connected

SERVICE = "notification"


class Pauses:
    """Counts the pauses; in the first one ``mend`` runs."""

    def __init__(self, mend: Callable[[], None] | None = None) -> None:
        self.count = 0
        self._mend = mend

    def __call__(self, seconds: float) -> None:
        self.count += 1
        assert self._mend is not None and self.count == 1, "it waits although all is well"
        self._mend()


async def wait(config: Config, pauses: Pauses) -> int:
    """How often it paused."""
    await asyncio.wait_for(asyncio.to_thread(wait_for_schema, config, pause=pauses), 20)
    return pauses.count


async def test_a_schema_of_the_own_version_or_a_newer_one_is_not_waited_for(
    fresh_database: FreshDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await fresh_database(SERVICE)
    config = config_of(SERVICE, url, monkeypatch)

    assert await wait(config, Pauses()) == 0
    connection = await connected(url)
    await connection.execute("UPDATE alembic_version SET version_num = 'of a later one'")
    await connection.close()
    assert await wait(config, Pauses()) == 0


async def test_an_older_schema_is_waited_for_until_somebody_migrates(
    fresh_database: FreshDatabase,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = config_of(SERVICE, await fresh_database(SERVICE), monkeypatch)
    await asyncio.to_thread(alembic.downgrade, config, RELEASED[SERVICE])

    assert await wait(config, Pauses(lambda: alembic.upgrade(config, "head"))) == 1
    assert capsys.readouterr().err == "migrate: the database has an older schema; waiting\n"


async def test_without_tables_or_without_a_database_it_waits(
    fresh_database: FreshDatabase,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = await fresh_database(SERVICE)
    config = config_of(SERVICE, url, monkeypatch)
    connection = await connected(url)
    await connection.execute("DROP TABLE alembic_version")
    await connection.close()
    good = config.attributes["database_url"]

    def point_at_tables() -> None:
        alembic.stamp(config, "head")

    assert await wait(config, Pauses(point_at_tables)) == 1
    config.attributes["database_url"] = good.rsplit("/", 1)[0] + "/there_is_none"
    pauses = Pauses(lambda: config.attributes.update(database_url=good))
    assert await wait(config, pauses) == 1
    said = capsys.readouterr().err
    assert "migrate: the database has no tables yet; waiting\n" in said
    assert "migrate: PostgreSQL cannot be reached" in said

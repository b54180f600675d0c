"""PgBouncer in transaction mode, as deploy/k8s has it: each transaction may run on another connection,
and nobody notices."""

import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service_kit.database.engine import Database
from service_kit.settings import ServiceSettings
from tests.conftest import FreshDatabase
from tests.pooler import CONFIGURATION, NONE, find_pgbouncer, pooled
from tests.stack.manifests import Manifests

needs_pgbouncer = pytest.mark.skipif(not find_pgbouncer(), reason=NONE)
Connect = Callable[[str], Database]
NUMBER = text("SELECT CAST(:number AS integer) + 1")
BACKEND = text("SELECT pg_backend_pid()")
LIMITS = {
    "lock_timeout": "2s", "statement_timeout": "5s", "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
}  # fmt: skip


@pytest.fixture
async def url(fresh_database: FreshDatabase) -> str:
    return (await fresh_database("event")).replace("+asyncpg", "")


@pytest.fixture
def through(url: str, tmp_path: Path) -> Iterator[str]:
    with pooled({"events": url}, tmp_path) as urls:
        yield urls["events"]


@pytest.fixture
def settings() -> ServiceSettings:
    return ServiceSettings.model_construct(
        **{name: field.default for name, field in ServiceSettings.model_fields.items()}
    )


@pytest.fixture
async def connect(settings: ServiceSettings) -> AsyncIterator[Connect]:
    async with AsyncExitStack() as stack:

        def make(url: str) -> Database:
            address = url.replace("postgresql:", "postgresql+asyncpg:")
            changes = {"database_url": SecretStr(address), "database_pool_size": 1}
            own = settings.model_copy(update=changes)
            database = Database(own, application_name="pgbouncer-test")
            stack.push_async_callback(database.close)
            return database

        yield make


async def swap_connections(one: Database, other: Database) -> tuple[int, int, int]:
    """Prepares a statement in one transaction, and runs it again in another one that gets another
    connection, because somebody else has the first. The backends' ids, and what came out."""
    async with one.transaction() as session:
        first = (await session.execute(BACKEND)).scalar_one()
        await session.execute(NUMBER, {"number": 1})
    async with other.transaction() as blocking:
        assert (await blocking.execute(BACKEND)).scalar_one() == first
        async with one.transaction() as session:
            found = (await session.execute(NUMBER, {"number": 41})).scalar_one()
            second = (await session.execute(BACKEND)).scalar_one()
    return first, second, found


@needs_pgbouncer
async def test_prepared_statements_follow_their_client(connect: Connect, through: str) -> None:
    one, other = connect(through), connect(through)
    first, second, found = await swap_connections(one, other)
    assert first != second
    assert found == 42


@needs_pgbouncer
async def test_asyncpgs_own_statements_follow_too(connect: Connect, through: str) -> None:
    one, other = connect(through), connect(through)
    query = "SELECT pg_backend_pid() AS pid, $1::integer + 1 AS found"
    first = await one.run_sql(lambda connection: connection.fetchrow(query, 1))
    async with other.transaction() as blocking:
        assert (await blocking.execute(BACKEND)).scalar_one() == first["pid"]
        second = await one.run_sql(lambda connection: connection.fetchrow(query, 41))
    assert second["pid"] != first["pid"]
    assert second["found"] == 42


@needs_pgbouncer
async def test_control_an_older_pgbouncer_or_one_that_does_not_follow_fails(
    connect: Connect, url: str, tmp_path: Path
) -> None:
    with pooled({"events": url}, tmp_path, max_prepared_statements="0") as urls:
        one, other = connect(urls["events"]), connect(urls["events"])
        with pytest.raises(DBAPIError, match="prepared statement .* does not exist"):
            await swap_connections(one, other)


@needs_pgbouncer
async def test_every_connection_has_the_limits_and_the_name(connect: Connect, through: str) -> None:
    one, other = connect(through), connect(through)
    async with one.transaction() as first, other.transaction() as second:
        for session in (first, second):
            found = {}
            for name in LIMITS:
                found[name] = (await session.execute(text(f"SHOW {name}"))).scalar_one()
            assert found == LIMITS
            name = (await session.execute(text("SHOW application_name"))).scalar_one()
            assert name == "pgbouncer-test"


@needs_pgbouncer
async def test_control_without_connect_query_there_are_no_limits(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = re.sub(" connect_query='[^']*'", "", CONFIGURATION.read_text())
    assert without != CONFIGURATION.read_text()
    changed = tmp_path / "without.ini"
    changed.write_text(without)
    monkeypatch.setattr("tests.pooler.CONFIGURATION", changed)
    with pooled({"events": url}, tmp_path) as urls:
        connection = await asyncpg.connect(urls["events"], server_settings={"lock_timeout": "2000"})
        assert await connection.fetchval("SHOW lock_timeout") == "0"
        await connection.close()


@needs_pgbouncer
async def test_what_is_set_for_a_transaction_ends_with_it(connect: Connect, through: str) -> None:
    one, other = connect(through), connect(through)
    async with one.transaction() as session:
        first = (await session.execute(BACKEND)).scalar_one()
        await session.execute(text("SET LOCAL lock_timeout = '200ms'"))
    async with other.transaction() as session:
        assert (await session.execute(BACKEND)).scalar_one() == first
        assert (await session.execute(text("SHOW lock_timeout"))).scalar_one() == "2s"


def test_the_configuration_has_the_values_of_the_settings(settings: ServiceSettings) -> None:
    asked = set(re.findall(r"connect_query='(.*)'$", CONFIGURATION.read_text(), re.MULTILINE))
    assert asked == {
        f"SET lock_timeout = {int(settings.lock_timeout_seconds * 1000)};"
        f" SET statement_timeout = {int(settings.statement_timeout_seconds * 1000)};"
        " SET idle_in_transaction_session_timeout = 10000; SET timezone = UTC"
    }
    wait = re.search(r"^query_wait_timeout = (\d+)$", CONFIGURATION.read_text(), re.MULTILINE)
    assert wait and int(wait[1]) == settings.database_pool_timeout_seconds


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl")
def test_postgresql_has_a_connection_for_each_that_pgbouncer_may_open() -> None:
    sizes = [int(size) for size in re.findall(r"pool_size=(\d+)", CONFIGURATION.read_text())]
    assert len(sizes) == 3
    for overlay in ("development", "small", "production"):
        manifests = Manifests.of(overlay)
        parameters = manifests.all("Cluster")["postgres"]["spec"]["postgresql"]["parameters"]
        # One more while it is updated.
        poolers = manifests.all("Deployment")["pgbouncer"]["spec"]["replicas"] + 1
        # Three for the superuser, three migrations, and the operator's own.
        assert poolers * sum(sizes) + 15 <= int(parameters["max_connections"])

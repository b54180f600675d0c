"""Statements in .sql files, which asyncpg runs itself."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text

from service_kit.database.engine import Database, sql_connection
from service_kit.database.errors import means_unavailable
from service_kit.database.sql_files import SqlStatements, load

Load = Callable[..., SqlStatements]


@pytest.fixture
def statements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a package of one file with the text that it is given."""

    def load_text(text: str, **conditions: Any) -> SqlStatements:
        package = f"package_{uuid4().hex}"
        folder = tmp_path / package
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "one.sql").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        loaded = load(package, **conditions)
        sys.modules.pop(package, None)
        return loaded

    return load_text


async def test_a_parameter_stands_once_in_the_call_however_often_in_the_statement(
    database: Database, statements: Load
) -> None:
    sql = statements("""-- name: sums
-- :this is no parameter, nor is a cast.
SELECT n + :more AS sum FROM unnest(:numbers::int[]) AS n WHERE n <> :more
-- name: other
SELECT 1
""")
    async with database.sql_transaction() as connection:
        rows = await sql.sums.rows(connection, numbers=[1, 2, 3], more=2)
        assert [row.sum for row in rows] == [3, 5]
        assert await sql.sums.value(connection, numbers=[7], more=1) == 8
        assert await sql.sums.row(connection, numbers=[], more=1) is None
        assert await sql.other.value(connection) == 1
    assert not hasattr(rows[0], "cube")


async def test_values_that_are_missing_or_too_many_are_refused(
    database: Database, statements: Load
) -> None:
    sql = statements("-- name: one\nSELECT :given::int")
    async with database.sql_transaction() as connection:
        for wrong in ({}, {"other": 1}, {"given": 1, "other": 2}):
            with pytest.raises(TypeError, match="one takes"):
                await sql.one.value(connection, **wrong)
    assert not hasattr(sql, "two")


async def test_a_rule_has_its_sql_from_one_place(database: Database, statements: Load) -> None:
    sql = statements("-- name: one\nSELECT {IS_GREAT} FROM (SELECT 5 AS n) AS t", IS_GREAT="n > 4")
    async with database.sql_transaction() as connection:
        assert await sql.one.value(connection) is True


async def test_how_many_rows_were_touched(database: Database, statements: Load) -> None:
    sql = statements("""-- name: make
CREATE TEMPORARY TABLE touched ON COMMIT DROP AS SELECT generate_series(1, 3) AS n
-- name: change
UPDATE touched SET n = 0 WHERE n > :least
""")
    async with database.sql_transaction() as connection:
        assert await sql.make.run(connection) == 3
        assert await sql.change.run(connection, least=1) == 2


def test_two_statements_of_one_name_are_refused(statements: Load) -> None:
    with pytest.raises(AssertionError, match="named one"):
        statements("-- name: one\nSELECT 1\n-- name: one\nSELECT 2\n")


async def test_what_fails_is_rolled_back_and_the_connection_is_used_again(
    database: Database, statements: Load
) -> None:
    sql = statements("""-- name: make
CREATE TABLE made_and_gone (n int)
-- name: look
SELECT to_regclass('made_and_gone') IS NOT NULL
-- name: fail
SELECT 1 / :zero::int
""")
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with database.sql_transaction() as connection:
            await connection.execute(sql.make.text)
            assert await sql.look.value(connection)
            await sql.fail.value(connection, zero=0)
    async with database.sql_transaction() as connection:
        assert not await sql.look.value(connection)


async def test_a_connection_that_died_is_replaced(database: Database) -> None:
    async with database.sql_transaction() as connection:
        process = await connection.fetchval("SELECT pg_backend_pid()")
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)) as caught:
        async with database.sql_transaction() as other:
            assert await other.fetchval("SELECT pg_backend_pid()") == process, "it is used again"
            await other.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert means_unavailable(caught.value)
    async with database.sql_transaction() as new:
        assert await new.fetchval("SELECT pg_backend_pid()") != process


@pytest.mark.parametrize("cut_off", ["BEGIN", "COMMIT", "ROLLBACK", "SELECT pg_sleep"])
async def test_a_connection_whose_transaction_was_cut_off_is_not_used_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, cut_off: str
) -> None:
    """asyncpg would begin a savepoint in a transaction that nobody ends: what is told to be stored is not."""
    await database.ping()
    execute = asyncpg.Connection.execute
    begun = asyncio.Event()

    async def slow(self: Any, query: str, *values: Any, **more: Any) -> str:
        if query.startswith(cut_off):
            begun.set()
            query = f"{query.rstrip(';')}; SELECT pg_sleep(5)"
        return str(await execute(self, query, *values, **more))

    async def work() -> None:
        async with database.sql_transaction() as connection:
            await connection.execute("SELECT pg_sleep(0)")
            if cut_off == "ROLLBACK":
                raise ValueError

    with monkeypatch.context() as patch:
        patch.setattr(asyncpg.Connection, "execute", slow)
        task = asyncio.create_task(work())
        await begun.wait()
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    name = f"kept_{uuid4().hex}"
    async with database.sql_transaction() as connection:
        await connection.execute(f"CREATE TABLE {name} (n int)")
    async with asyncpg_connection(database) as other:
        assert await other.fetchval("SELECT to_regclass($1) IS NOT NULL", name)
        await other.execute(f"DROP TABLE {name}")


@asynccontextmanager
async def asyncpg_connection(database: Database) -> AsyncIterator[Any]:
    url = database.engine.url.set(drivername="postgresql")
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    try:
        yield connection
    finally:
        await connection.close()


async def test_it_joins_the_transaction_of_a_session(database: Database) -> None:
    async with database.transaction() as session:
        with pytest.raises(AssertionError, match="commit by itself"):
            await sql_connection(session)
        await session.execute(text("SELECT 1"))
        connection = await sql_connection(session)
        await connection.execute("CREATE TEMPORARY TABLE kept ON COMMIT DROP AS SELECT 1 AS n")
        assert await connection.fetchval("SELECT n FROM kept") == 1


async def test_it_joins_the_transaction_of_a_connection(database: Database) -> None:
    look = "SELECT to_regclass('pg_temp.kept') IS NOT NULL"
    async with database.engine.connect() as begun:
        await begun.execute(text("SELECT 1"))
        connection = await sql_connection(begun)
        await connection.execute("CREATE TEMPORARY TABLE kept AS SELECT 1 AS n")
        assert await connection.fetchval(look)
        await begun.rollback()
        assert not await connection.fetchval(look)
        with pytest.raises(AssertionError, match="commit by itself"):
            await sql_connection(begun)


async def test_in_autocommit_each_statement_is_a_transaction(database: Database) -> None:
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as begun:
        connection = await sql_connection(begun)
        first, second = [await connection.fetchval("SELECT now()") for _ in range(2)]
        assert not connection.is_in_transaction() and first < second


async def test_a_value_may_be_null(database: Database, statements: Load) -> None:
    sql = statements("-- name: sum\nSELECT :one::int + :other::int")
    async with database.sql_transaction() as connection:
        assert await sql.sum.value(connection, one=1, other=None) is None

"""Statements that asyncpg runs itself."""

import pytest
from sqlalchemy import Integer, column, literal, null, select, text, values
from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.database.engine import Database
from service_kit.database.statements import Statement, param

numbers = values(column("n", Integer), name="numbers").data([(1,), (2,), (3,)])


def autocommit(database: Database) -> AsyncConnection:
    return database.engine.execution_options(isolation_level="AUTOCOMMIT").connect()


async def test_given_values_and_those_of_the_statement_find_their_places(
    database: Database,
) -> None:
    wanted = Statement(
        select(numbers.c.n + param("more", Integer))
        .where(numbers.c.n.in_([2, 3]), numbers.c.n > param("least", Integer))
        .where(literal(None, Integer).is_(null()))
    )
    async with autocommit(database) as connection:
        assert await wanted.value(connection, more=10, least=2) == 13
        assert await wanted.value(connection, least=1, more=20) == 22
        assert await wanted.value(connection, more=0, least=3) is None


async def test_a_value_that_is_not_given_is_missed(database: Database) -> None:
    wanted = Statement(select(param("one", Integer) + param("other", Integer)))
    async with autocommit(database) as connection:
        with pytest.raises(KeyError):
            await wanted.value(connection, one=1)
        assert await wanted.value(connection, one=1, other=None) is None


async def test_rows_have_their_columns_by_name(database: Database) -> None:
    wanted = Statement(text("SELECT n, n * n AS square FROM generate_series(1, :last) AS n"))
    async with autocommit(database) as connection:
        rows = await wanted.rows(connection, last=3)
    assert [(row.n, row.square) for row in rows] == [(1, 1), (2, 4), (3, 9)]
    assert not hasattr(rows[0], "cube")


async def test_it_joins_the_transaction_that_is_there(database: Database) -> None:
    write = Statement(text("CREATE TEMPORARY TABLE kept ON COMMIT PRESERVE ROWS AS SELECT 1 AS n"))
    look = Statement(text("SELECT to_regclass('pg_temp.kept') IS NOT NULL"))
    async with database.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        await write.value(connection)
        assert await look.value(connection)
        await connection.rollback()
        await connection.execute(text("SELECT 1"))
        assert not await look.value(connection)


async def test_before_a_transaction_it_is_refused(database: Database) -> None:
    async with database.engine.begin() as connection:
        with pytest.raises(RuntimeError):
            await Statement(text("SELECT 1")).value(connection)

"""Statements that asyncpg runs itself."""

import pytest
from sqlalchemy import Integer, column, literal, null, select, values

from service_kit.database import Database
from service_kit.statements import Statement, given

numbers = values(column("n", Integer), name="numbers").data([(1,), (2,), (3,)])


async def test_given_values_and_those_of_the_statement_find_their_places(
    database: Database,
) -> None:
    wanted = Statement(
        select(numbers.c.n + given("more", Integer))
        .where(numbers.c.n.in_([2, 3]), numbers.c.n > given("least", Integer))
        .where(literal(None, Integer).is_(null()))
    )
    async with database.engine.connect() as connection:
        assert await wanted.value(connection, more=10, least=2) == 13
        assert await wanted.value(connection, least=1, more=20) == 22
        assert await wanted.value(connection, more=0, least=3) is None


async def test_a_value_that_is_not_given_is_missed(database: Database) -> None:
    wanted = Statement(select(given("one", Integer) + given("other", Integer)))
    async with database.engine.connect() as connection:
        with pytest.raises(KeyError):
            await wanted.value(connection, one=1)
        assert await wanted.value(connection, one=1, other=None) is None

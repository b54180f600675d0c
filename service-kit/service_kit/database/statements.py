"""Statements of hot paths: compiled once by SQLAlchemy, run by asyncpg itself.

SQLAlchemy takes four times as long to find, bind and unwrap a statement that it has compiled before as
asyncpg takes over the whole of it (350 µs of processor time against 90).
"""

from functools import lru_cache
from typing import Any

import asyncpg
from asyncpg import Connection
from sqlalchemy import BindParameter, Executable, bindparam
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

DIALECT = make_url("postgresql+asyncpg://").get_dialect()()


def param(name: str, type_: Any = None) -> BindParameter[Any]:
    """A value that each run of a statement is given."""
    return bindparam(name, type_=type_, required=False)


class Record(asyncpg.Record):  # type: ignore[misc]  # asyncpg has no types
    """A row whose columns are attributes, as SQLAlchemy's rows have them."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Statement:
    """Made of a ``select()``, ``update()``, ``text()`` or the like. Its values are asyncpg's, but that
    JSON is a string. Its errors are asyncpg's as well (``service_kit.database.engine`` knows both).

    For connections in AUTOCOMMIT, or in a transaction. SQLAlchemy begins one with the first statement
    that it runs itself: before that, RuntimeError is raised.
    """

    def __init__(self, statement: Executable) -> None:
        # Every statement can be compiled, but Executable's type does not say so.
        clause: Any = statement
        compiled: Any = clause.compile(dialect=DIALECT)
        if compiled.post_compile_params:
            # Writes out what stands in an IN.
            options = {"render_postcompile": True}
            compiled = clause.compile(dialect=DIALECT, compile_kwargs=options)
        self._sql = str(compiled)
        self._names: list[str] = compiled.positiontup
        asked = {name for name, bind in compiled.binds.items() if not bind.unique}
        self._constants = {name: v for name, v in compiled.params.items() if name not in asked}

    async def value(self, connection: AsyncConnection, **values: Any) -> Any:
        """The first column of the first row; None where there is no row. Raises KeyError for a value
        that is missing."""
        return await _driver(connection).fetchval(self._sql, *self._bound(values))

    async def rows(self, connection: AsyncConnection, **values: Any) -> list[Record]:
        """All rows. Raises KeyError for a value that is missing."""
        found: list[Record] = await _driver(connection).fetch(
            self._sql, *self._bound(values), record_class=Record
        )
        return found

    def _bound(self, values: dict[str, Any]) -> list[Any]:
        constants = self._constants
        return [values[name] if name in values else constants[name] for name in self._names]


@lru_cache(maxsize=64)
def compiled(statement: Executable) -> Statement:
    """For statements that stand in a module, each of which is compiled at its first use."""
    return Statement(statement)


def _driver(connection: AsyncConnection) -> "Connection[Record]":
    synchronous = connection.sync_connection
    assert synchronous is not None, "the connection has been opened"
    adapter: Any = synchronous.connection.dbapi_connection
    driver: "Connection[Record]" = adapter.driver_connection
    if not adapter.autocommit and not driver.is_in_transaction():
        raise RuntimeError("no transaction has begun: the statement would commit by itself")
    return driver

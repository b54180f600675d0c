"""Statements of hot paths: compiled once by SQLAlchemy, run by asyncpg itself.

SQLAlchemy takes four times as long to find, bind and unwrap a statement that it has compiled before as
asyncpg takes over the whole of it (350 µs of processor time against 90).
"""

from typing import Any

from asyncpg import Connection, Record
from sqlalchemy import BindParameter, Executable, bindparam
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

DIALECT = make_url("postgresql+asyncpg://").get_dialect()()


def given(name: str, type_: Any = None) -> BindParameter[Any]:
    """A value that each run of a statement is given."""
    return bindparam(name, type_=type_, required=False)


class Statement:
    """Made of a ``select()``, ``update()`` or the like. Its values are asyncpg's: JSON is a string that
    the statement casts. Its errors are asyncpg's as well (``service_kit.database`` knows both).

    For connections in AUTOCOMMIT: SQLAlchemy begins a transaction with the first statement that it
    runs itself, and of this one it does not hear.
    """

    def __init__(self, statement: Executable) -> None:
        options = {"render_postcompile": True}  # Writes out what stands in an IN.
        compiled: Any = statement.compile(  # type: ignore[attr-defined]
            dialect=DIALECT, compile_kwargs=options
        )
        self._sql = str(compiled)
        self._names: list[str] = compiled.positiontup
        asked = {name for name, bind in compiled.binds.items() if not bind.unique}
        self._constants = {name: v for name, v in compiled.params.items() if name not in asked}

    async def value(self, connection: AsyncConnection, **values: Any) -> Any:
        """The first column of the first row; None where there is no row. Raises KeyError for a value
        that is missing."""
        return await _driver(connection).fetchval(self._sql, *self._bound(values))

    def _bound(self, values: dict[str, Any]) -> list[Any]:
        constants = self._constants
        return [values[name] if name in values else constants[name] for name in self._names]


def _driver(connection: AsyncConnection) -> "Connection[Record]":
    synchronous = connection.sync_connection
    assert synchronous is not None, "the connection has been opened"
    driver: "Connection[Record]" = synchronous.connection.driver_connection
    return driver

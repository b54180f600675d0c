"""Statements of hot paths, and those of several CTEs: ``.sql`` files that asyncpg runs itself.

A file holds statements, each under a line ``-- name: take_seats`` and a comment that says what it does.
``:seats`` is a parameter, which stands once in the call by its name. ``{IS_FREE}`` is a condition that
``load`` is given, so that a rule has one SQL; that is what the loaders on PyPI lack. SQLAlchemy takes four
times as long to find, bind and unwrap a statement that it has compiled as asyncpg takes over the whole of it
(350 µs of processor time against 90).
"""

import re
from importlib.resources import files
from typing import Any, TypeAlias

import asyncpg

# See Database.run_sql and sql_connection.
SqlConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
# A cast is ``::uuid[]``.
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")
_COMMENT = re.compile(r"--[^\n]*")


class Record(asyncpg.Record):  # type: ignore[misc]  # asyncpg has no types
    """A row whose columns are attributes, as SQLAlchemy's rows have them."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class SqlStatement:
    """One statement; ``text`` is as it stands in its file. Values that are missing or that it does not take
    raise TypeError; JSON is a string."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self._names: list[str] = []
        self._sql = _PARAMETER.sub(self._number, _COMMENT.sub("", text))

    def _number(self, match: re.Match[str]) -> str:
        name = match[1]
        if name not in self._names:
            self._names.append(name)
        return f"${self._names.index(name) + 1}"

    async def rows(self, connection: SqlConnection, **values: Any) -> list[Record]:
        found: list[Record] = await connection.fetch(
            self._sql, *self._arguments(values), record_class=Record
        )
        return found

    async def row(self, connection: SqlConnection, **values: Any) -> Record | None:
        """The first row; None where there is none."""
        rows = await self.rows(connection, **values)
        return rows[0] if rows else None

    async def value(self, connection: SqlConnection, **values: Any) -> Any:
        """The first column of the first row; None where there is no row."""
        return await connection.fetchval(self._sql, *self._arguments(values))

    async def run(self, connection: SqlConnection, **values: Any) -> int:
        """How many rows an INSERT, UPDATE or DELETE has touched."""
        status: str = await connection.execute(self._sql, *self._arguments(values))
        return int(status.rsplit(" ", 1)[1])

    def _arguments(self, values: dict[str, Any]) -> list[Any]:
        if len(values) != len(self._names):
            raise TypeError(f"{self.name} takes {self._names}, not {sorted(values)}")
        try:
            return [values[name] for name in self._names]
        except KeyError as missing:
            raise TypeError(f"{self.name} takes {missing}") from None


class SqlStatements:
    """The statements of a package, as attributes."""

    def __getattr__(self, name: str) -> SqlStatement:
        raise AttributeError(f"no statement {name!r}")

    def __setattr__(self, name: str, statement: SqlStatement) -> None:
        super().__setattr__(name, statement)


def load(package: str, **conditions: Any) -> SqlStatements:
    """All statements in the ``.sql`` files of a package, in which a name stands once."""
    statements = SqlStatements()
    for file in sorted(files(package).iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".sql"):
            continue
        _, *parts = _NAME.split(file.read_text(encoding="utf-8"))
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            assert name not in vars(statements), f"two statements are named {name}"
            for key, condition in conditions.items():
                text = text.replace("{" + key + "}", str(condition))
            setattr(statements, name, SqlStatement(name, text.strip()))
    return statements

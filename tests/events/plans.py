"""How PostgreSQL answers what the service asks: the plan of each statement, as it is used."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import event, text
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.database.sql_files import SqlStatement

# PostgreSQL plans a prepared statement anew five times; from then on it may keep one plan for all
# parameters. A connection of the service has mostly come that far.
RUNS = 6

Statement = tuple[str, tuple[Any, ...]]
Ask = Callable[[Database], Awaitable[object]]


@dataclass(frozen=True)
class Plan:
    """What one statement did: the tables that it read from end to end, and 8 kB pages in all."""

    statement: str
    tree: dict[str, Any]

    @property
    def scanned(self) -> set[str]:
        return {n["Relation Name"] for n in _nodes(self.tree) if n["Node Type"] == "Seq Scan"}

    @property
    def indexes(self) -> set[str]:
        return {node["Index Name"] for node in _nodes(self.tree) if "Index Name" in node}

    @property
    def pages(self) -> int:
        return int(self.tree["Shared Hit Blocks"]) + int(self.tree["Shared Read Blocks"])

    def __str__(self) -> str:
        lines = [
            f"{node['Node Type']} {node.get('Relation Name', '')} {node.get('Index Name', '')}"
            f" rows={node['Actual Rows']} loops={node['Actual Loops']}"
            for node in _nodes(self.tree)
        ]
        return "\n".join([f"{self.pages} pages for {self.statement}", *lines])


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


class Forgetful(Database):
    """A database that takes back whatever is done."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with self.sessions() as session:
            yield session
            await session.rollback()


class Observer:
    """A service's database of a single connection, and the plans of what is asked there."""

    def __init__(self, database: Forgetful) -> None:
        self.database = database

    async def plans(self, ask: Ask, *, without: str | None = None) -> list[Plan]:
        """Lets ``ask`` query a few times, then explains its very statements, by their names; as
        they would be if there were not the index ``without``."""
        for _ in range(RUNS - 1):
            await ask(self.database)
        with self._recorded() as statements:
            await ask(self.database)
        async with self.database.transaction() as session:
            if without:
                # Two that drop an index and read of each other's table would wait for one another.
                await session.execute(text("SELECT pg_advisory_xact_lock(1)"))
                await session.execute(text(f"DROP INDEX {without}"))
            return [await _explain(session, *statement) for statement in statements]

    @contextmanager
    def _recorded(self) -> Iterator[list[Statement]]:
        recorded: list[Statement] = []

        def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
            recorded.append((statement, tuple(parameters or ())))

        arguments = SqlStatement._arguments

        def note_arguments(statement: SqlStatement, values: dict[str, Any]) -> list[Any]:
            recorded.append((statement._sql, tuple(arguments(statement, values))))
            return arguments(statement, values)

        engine = self.database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            with patch.object(SqlStatement, "_arguments", note_arguments):
                yield recorded
        finally:
            event.remove(engine, "before_cursor_execute", note)


@asynccontextmanager
async def observed(settings: Settings) -> AsyncIterator[Observer]:
    one = settings.model_copy(update={"database_pool_size": 1})
    database = Forgetful(one, application_name="plans")
    try:
        yield Observer(database)
    finally:
        await database.close()


async def _explain(session: AsyncSession, statement: str, parameters: tuple[Any, ...]) -> Plan:
    connection = await session.connection()
    named = await connection.exec_driver_sql(
        "SELECT name FROM pg_prepared_statements WHERE statement = $1", (statement,)
    )
    execute = f'EXECUTE "{named.scalars().one()}"'
    if parameters:
        execute += f" ({', '.join(map(_literal, parameters))})"
    explained = await connection.exec_driver_sql(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {execute}"
    )
    answer = explained.scalar_one()
    [document] = json.loads(answer) if isinstance(answer, str) else answer
    return Plan(" ".join(statement.split()), document["Plan"])


def _literal(value: Any) -> str:
    """A literal of unknown type, which PostgreSQL takes to be of the parameter's."""
    match value:
        case None:
            return "NULL"
        case bool() | int():
            return f"'{value}'"
        case datetime():
            return f"'{value.isoformat()}'"
        case timedelta():
            return f"'{value.total_seconds()} seconds'"
        case list() | tuple():
            return "'{" + ",".join(map(str, value)) + "}'"
        case _:
            return "'" + str(value).replace("'", "''") + "'"

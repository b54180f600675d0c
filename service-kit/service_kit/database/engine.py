"""The one place that commits: an engine, a session for each request, what is done after a commit."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Annotated, Any, TypeVar

import asyncpg
import orjson
import structlog
from fastapi import Depends, Request
from sqlalchemy import CursorResult, Result, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.ext.asyncio import AsyncSession as PlainAsyncSession
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session as PlainSession
from sqlmodel import Session as ModelSession
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit import metrics
from service_kit.database.errors import RETRYABLE, sqlstate
from service_kit.database.pool import FairPool
from service_kit.database.sql_files import SqlConnection
from service_kit.problems import Unavailable
from service_kit.settings import ServiceSettings

AfterCommit = Callable[[], Awaitable[None]]

MAX_ATTEMPTS = 8
MAX_PAUSE_SECONDS = 0.02

log = structlog.get_logger()

ResultT = TypeVar("ResultT")
BegunT = TypeVar("BegunT")
# Either runs statements in a transaction.
Executor = AsyncSession | AsyncConnection


def to_json(value: Any) -> str:
    return orjson.dumps(value).decode()


class TryAgain(Exception):
    """Raised in a transaction that lost a race and may win when it begins again."""


class RollBack(Exception):
    """Raised in a transaction whose work is to be undone; ``result`` is what ``run_sql`` returns then."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


class _SyncSession(ModelSession):
    execute = PlainSession.execute


class Session(AsyncSession):
    """SQLModel's session, of which ``execute`` may be used as well: SQLModel deprecates it in favour
    of ``exec``, which has no way to run a statement that is neither select nor update."""

    sync_session_class = _SyncSession
    execute = PlainAsyncSession.execute


class Database:
    """An engine and its sessions. READ COMMITTED; every statement and lock wait has an end."""

    def __init__(self, settings: ServiceSettings, *, application_name: str) -> None:
        self.engine: AsyncEngine = create_async_engine(
            settings.database_url.get_secret_value(),
            pool_size=settings.database_pool_size,
            max_overflow=0,
            pool_timeout=settings.database_pool_timeout_seconds,
            poolclass=FairPool,
            json_serializer=to_json,
            json_deserializer=orjson.loads,
            connect_args={
                "timeout": 5,
                # In production a connection pooler may stand between: it must pass these on.
                "server_settings": {
                    "application_name": application_name,
                    "lock_timeout": f"{int(settings.lock_timeout_seconds * 1000)}",
                    "statement_timeout": f"{int(settings.statement_timeout_seconds * 1000)}",
                    "idle_in_transaction_session_timeout": "10000",
                    "timezone": "UTC",
                },
            },
        )
        self.sessions = async_sessionmaker(
            self.engine, class_=Session, expire_on_commit=False, autoflush=False
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that commits at the end, or rolls back when the block raises."""
        async with self.sessions() as session:
            with _measured():
                async with session.begin():
                    yield session
            await _run_after_commit(session)

    async def run(self, work: Callable[[AsyncSession], Awaitable[ResultT]]) -> ResultT:
        """``work`` in a transaction of its own, begun again a few times if PostgreSQL had to choose
        a victim (deadlock, serialization) or ``work`` raised TryAgain."""
        return await self._run(self.transaction, work)

    async def run_sql(self, work: Callable[[SqlConnection], Awaitable[ResultT]]) -> ResultT:
        """As ``run``, with asyncpg's own connection, for statements in .sql files. Work that raises
        RollBack has a result without a commit."""
        try:
            return await self._run(self.sql_transaction, work)
        except RollBack as rolled_back:
            result: ResultT = rolled_back.result
            return result

    @asynccontextmanager
    async def sql_transaction(self) -> AsyncIterator[SqlConnection]:
        """A connection of the pool in a transaction that commits at the end, or rolls back when the
        block raises."""
        with _measured():
            async with self._sql_transaction() as driver:
                yield driver

    @asynccontextmanager
    async def _sql_transaction(self) -> AsyncIterator[SqlConnection]:
        async with self.engine.connect() as connection:
            driver = await _driver(connection)
            if driver.is_closed():
                # PostgreSQL was restarted while it lay in the pool.
                await connection.invalidate()
                driver = await _driver(connection)
            transaction = driver.transaction()
            has_ended = False
            try:
                await transaction.start()
                try:
                    yield driver
                except BaseException:
                    await transaction.rollback()
                    raise
                else:
                    await transaction.commit()
                finally:
                    has_ended = not driver.is_in_transaction()
            finally:
                # What was cut off in BEGIN, COMMIT or ROLLBACK may still be under way, and asyncpg
                # would begin the next transaction as a savepoint in it, which nobody ever commits.
                if not has_ended or driver.is_closed():
                    await connection.invalidate()

    async def _run(
        self,
        begin: Callable[[], AbstractAsyncContextManager[BegunT]],
        work: Callable[[BegunT], Awaitable[ResultT]],
    ) -> ResultT:
        for attempts_left in range(MAX_ATTEMPTS - 1, -1, -1):
            try:
                async with begin() as begun:
                    return await work(begun)
            except (TryAgain, DBAPIError, asyncpg.PostgresError) as error:
                if not isinstance(error, TryAgain) and sqlstate(error) not in RETRYABLE:
                    raise
                if not attempts_left:
                    raise Unavailable from error
                is_victim = not isinstance(error, TryAgain)
                reason = metrics.RETRY_REASONS.get(sqlstate(error) or "", "race")
                metrics.TRANSACTION_RETRIES.labels(reason).inc()
            # From the second conflict on: with a random pause those that met do not meet again. And
            # whoever waited for a victim's locks must wake first: the victim would take them away, and
            # be a victim again.
            if is_victim or attempts_left < MAX_ATTEMPTS - 1:
                least = MAX_PAUSE_SECONDS / 2 if is_victim else 0
                await asyncio.sleep(random.uniform(least, MAX_PAUSE_SECONDS))
        raise AssertionError("unreachable")

    def measure_pool(self) -> None:
        """Sets the gauges of the pool to what is so now."""
        pool: Any = self.engine.pool
        metrics.POOL_IN_USE.set(pool.checkedout())
        metrics.POOL_SIZE.set(pool.size())

    async def ping(self) -> None:
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()


@contextmanager
def _measured() -> Iterator[None]:
    """Around a transaction, with the wait for a connection: its time, and what is counted inside."""
    began = time.perf_counter()
    seconds = metrics.ROLLED_BACK
    try:
        with metrics.counting_on_commit():
            yield
        seconds = metrics.COMMITTED
    finally:
        seconds.observe(time.perf_counter() - began)


async def _driver(connection: AsyncConnection) -> SqlConnection:
    pooled = await connection.get_raw_connection()
    driver: SqlConnection = pooled.driver_connection
    return driver


async def sql_connection(executor: Executor) -> SqlConnection:
    """asyncpg's connection for statements in .sql files: in the transaction of a session or connection
    that has run a statement, or in AUTOCOMMIT, where each statement is a transaction. What a session has
    changed is flushed before."""
    if isinstance(executor, AsyncSession):
        await executor.flush()
        executor = await executor.connection()
    driver = await _driver(executor)
    adapter: Any = (await executor.get_raw_connection()).dbapi_connection
    # SQLAlchemy begins a transaction with the first statement that it runs itself.
    assert adapter.autocommit or driver.is_in_transaction(), "the statement would commit by itself"
    return driver


def after_commit(session: AsyncSession, action: AfterCommit) -> None:
    """Runs ``action`` once the transaction has committed and before the answer is sent.

    What it does must be safe to lose: a process may die between the two.
    """
    session.info.setdefault("after_commit", []).append(action)


async def _run_after_commit(session: AsyncSession) -> None:
    for action in session.info.pop("after_commit", []):
        try:
            await action()
        except Exception as error:
            log.warning("after_commit.failed", action=repr(action), exc_info=error)


async def get_database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


DatabaseDep = Annotated[Database, Depends(get_database)]


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    # Not by DatabaseDep: each dependency costs every request some microseconds.
    database: Database = request.app.state.database
    async with database.transaction() as session:
        yield session


# With the default scope FastAPI would run the commit after the response has gone out: the client
# would be told 201 of a booking that a failed commit then took back.
SessionDep = Annotated[AsyncSession, Depends(get_session, scope="function")]


def affected_rows(result: Result[Any]) -> int:
    """How many rows an INSERT, UPDATE or DELETE has touched."""
    assert isinstance(result, CursorResult)
    return result.rowcount

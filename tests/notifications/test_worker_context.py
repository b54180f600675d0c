"""The connection on which a worker process says its statements one after the other."""

import pytest
from sqlalchemy import text

from service_kit.database.engine import Database
from service_kit.database.errors import DATABASE_ERRORS
from tests.notifications.conftest import WorkerForTests
from tests.notifications.messages import make_message

PID = text("SELECT pg_backend_pid()")


async def backend(mail_worker: WorkerForTests) -> int:
    async with mail_worker.context.statement() as connection:
        return int(await connection.scalar(PID) or 0)


async def sql_backend(mail_worker: WorkerForTests) -> int:
    async with mail_worker.context.sql() as connection:
        return int(await connection.fetchval("SELECT pg_backend_pid()"))


async def end(database: Database, pid: int) -> None:
    async with database.transaction() as session:
        await session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


async def test_it_is_kept_while_all_goes_well(mail_worker: WorkerForTests) -> None:
    first = await backend(mail_worker)
    await mail_worker.receive(make_message())
    assert await sql_backend(mail_worker) == await backend(mail_worker) == first


async def test_who_asks_meanwhile_has_another(mail_worker: WorkerForTests) -> None:
    async with mail_worker.context.statement() as connection:
        assert await connection.scalar(PID) != await backend(mail_worker)


async def test_one_that_the_database_has_closed_is_replaced(
    mail_worker: WorkerForTests, database: Database
) -> None:
    await end(database, await backend(mail_worker))
    with pytest.raises(DATABASE_ERRORS):
        await backend(mail_worker)
    await end(database, await sql_backend(mail_worker))
    with pytest.raises(DATABASE_ERRORS):
        await sql_backend(mail_worker)
    message = make_message()
    await mail_worker.receive(message)
    assert (await mail_worker.row(message)).status == "sent"


async def test_what_a_statement_wrote_is_there_for_others_at_once(
    mail_worker: WorkerForTests, database: Database
) -> None:
    """No transaction is left open on what is kept."""
    message = make_message()
    await mail_worker.receive(message)
    await backend(mail_worker)
    state = text("SELECT state FROM pg_stat_activity WHERE pid = :pid")
    async with database.transaction() as session:
        assert await session.scalar(state, {"pid": await backend(mail_worker)}) == "idle"

"""The connection on which a worker process says its statements one after the other."""

import pytest
from sqlalchemy import text

from service_kit.database.engine import Database
from service_kit.database.errors import DATABASE_ERRORS
from tests.notifications.conftest import OfficeForTests
from tests.notifications.messages import make_message

PID = text("SELECT pg_backend_pid()")


async def backend(office: OfficeForTests) -> int:
    async with office.office.statement() as connection:
        return int(await connection.scalar(PID) or 0)


async def end(database: Database, pid: int) -> None:
    async with database.transaction() as session:
        await session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


async def test_it_is_kept_while_all_goes_well(office: OfficeForTests) -> None:
    first = await backend(office)
    await office.receive(make_message())
    assert await backend(office) == first


async def test_who_asks_meanwhile_has_another(office: OfficeForTests) -> None:
    async with office.office.statement() as connection:
        assert await connection.scalar(PID) != await backend(office)


async def test_one_that_the_database_has_closed_is_replaced(
    office: OfficeForTests, database: Database
) -> None:
    await end(database, await backend(office))
    with pytest.raises(DATABASE_ERRORS):
        await backend(office)
    message = make_message()
    await office.receive(message)
    assert (await office.row(message)).status == "sent"


async def test_what_a_statement_wrote_is_there_for_others_at_once(
    office: OfficeForTests, database: Database
) -> None:
    """No transaction is left open on what is kept."""
    message = make_message()
    await office.receive(message)
    await backend(office)
    state = text("SELECT state FROM pg_stat_activity WHERE pid = :pid")
    async with database.transaction() as session:
        assert await session.scalar(state, {"pid": await backend(office)}) == "idle"

"""Answers first and commits a little later."""

import asyncio
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.database.engine import Database
from tests.events.mutants.serving import serve_mutant

LATE_SECONDS = 0.1

run_sql = Database.run_sql
later: set[asyncio.Task[None]] = set()


async def run_and_commit_later(self: Database, work: Any) -> Any:
    connection = await self.engine.connect()
    driver: Any = (await connection.get_raw_connection()).driver_connection
    transaction = driver.transaction()
    await transaction.start()
    try:
        result = await work(driver)
    except Exception:
        await transaction.rollback()
        await connection.close()
        return await run_sql(self, work)
    task = asyncio.create_task(_commit(connection, transaction))
    later.add(task)
    task.add_done_callback(later.discard)
    return result


async def _commit(connection: AsyncConnection, transaction: Any) -> None:
    await asyncio.sleep(LATE_SECONDS)
    await transaction.commit()
    await connection.close()


if __name__ == "__main__":
    Database.run_sql = run_and_commit_later  # type: ignore[method-assign]
    serve_mutant()

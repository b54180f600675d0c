"""Answers first and commits a little later."""

import asyncio
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.database.engine import Database
from tests.events.mutants.serving import serve_mutant

LATE_SECONDS = 0.1

run_plain = Database.run_plain
later: set[asyncio.Task[None]] = set()


async def run_and_commit_later(self: Database, work: Any) -> Any:
    connection = await self.engine.connect()
    try:
        result = await work(connection)
    except Exception:
        await connection.close()
        return await run_plain(self, work)
    task = asyncio.create_task(_commit(connection))
    later.add(task)
    task.add_done_callback(later.discard)
    return result


async def _commit(connection: AsyncConnection) -> None:
    await asyncio.sleep(LATE_SECONDS)
    await connection.commit()
    await connection.close()


if __name__ == "__main__":
    Database.run_plain = run_and_commit_later  # type: ignore[method-assign]
    serve_mutant()

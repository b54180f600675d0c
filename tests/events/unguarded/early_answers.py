"""Answers first and commits a little later."""

import asyncio
from typing import Any

from service_kit.database import Database
from tests.events.unguarded.serving import serve_unguarded

LATE_SECONDS = 0.1

run = Database.run
later: set[asyncio.Task[None]] = set()


async def run_and_commit_later(self: Database, work: Any) -> Any:
    session = self.sessions()
    try:
        result = await work(session)
    except Exception:
        await session.close()
        return await run(self, work)
    task = asyncio.create_task(_commit(session))
    later.add(task)
    task.add_done_callback(later.discard)
    return result


async def _commit(session: Any) -> None:
    await asyncio.sleep(LATE_SECONDS)
    await session.commit()
    await session.close()


if __name__ == "__main__":
    Database.run = run_and_commit_later  # type: ignore[method-assign]
    serve_unguarded()

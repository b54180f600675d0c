"""``python -m <service>.migrate --wait``: ends when the schema is one that this version can work with.

For whatever starts processes and migrations at the same time, such as Kubernetes. A schema is only ever
expanded while the version before may run: so a revision that this version does not know is a newer one's, and
good enough. To wait for the own head would keep a version that somebody goes back to from starting.
"""

import asyncio
import sys
import time
from collections.abc import Callable

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import pool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from service_kit.database.cli import UNDEFINED_TABLE
from service_kit.database.errors import DATABASE_ERRORS, sqlstate

POLL_SECONDS = 2.0


def wait_for_schema(config: Config, *, pause: Callable[[float], None] = time.sleep) -> None:
    """Polls until the database has this version's newest revision or an unknown one. Says each reason to
    wait once; there is no end to it but the caller's."""
    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_current_head()
    older = {script.revision for script in scripts.walk_revisions()} - {head}
    said = ""
    while reason := asyncio.run(_reason_to_wait(config.attributes["database_url"], older)):
        if reason != said:
            print(f"migrate: {reason}; waiting", file=sys.stderr, flush=True)
            said = reason
        pause(POLL_SECONDS)


async def _reason_to_wait(database_url: str, older: set[str]) -> str | None:
    engine = create_async_engine(database_url, poolclass=pool.NullPool, connect_args={"timeout": 5})
    try:
        async with engine.connect() as connection:
            found = (
                await connection.execute(text("SELECT version_num FROM alembic_version"))
            ).all()
    except DATABASE_ERRORS as error:
        if isinstance(error, DBAPIError) and sqlstate(error) == UNDEFINED_TABLE:
            return "the database has no tables yet"
        return f"PostgreSQL cannot be reached ({type(error).__name__})"
    finally:
        await engine.dispose()
    revisions = {row[0] for row in found}
    if not revisions or revisions & older:
        return "the database has an older schema"
    return None

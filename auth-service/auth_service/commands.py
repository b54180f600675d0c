"""Commands for operators: one line on success, one line on failure."""

import sys
from collections.abc import Awaitable, Callable

from auth_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.database.errors import DATABASE_ERRORS, means_unavailable, sqlstate

UNDEFINED_TABLE = "42P01"


class CommandFailed(Exception):
    """The message says what to do."""


async def run_command(
    name: str, settings: Settings, command: Callable[[Database], Awaitable[str]]
) -> None:
    """Prints what ``command`` returns, or says why not and ends the process with 1."""
    database = Database(settings, application_name=f"auth-{name}")
    try:
        print(await command(database))
        return
    except CommandFailed as error:
        reason = str(error)
    except DATABASE_ERRORS as error:
        if sqlstate(error) == UNDEFINED_TABLE:
            reason = "the database has no tables yet; run: python -m auth_service.migrate"
        elif means_unavailable(error):
            reason = "PostgreSQL cannot be reached; check DATABASE_URL and that it runs"
        else:
            raise
    finally:
        await database.close()
    print(f"{name}: {reason}", file=sys.stderr)
    raise SystemExit(1)

"""Commands for operators on a service's database: one line on success, one line on failure."""

import sys
from collections.abc import Awaitable, Callable

from service_kit.database.engine import Database
from service_kit.database.errors import DATABASE_ERRORS, means_unavailable, sqlstate
from service_kit.sentry import configure_sentry
from service_kit.settings import ServiceSettings

UNDEFINED_TABLE = "42P01"


class CommandFailed(Exception):
    """The message says why, and what to do."""


async def run_command(
    package: str,
    name: str,
    settings: ServiceSettings,
    command: Callable[[Database], Awaitable[str]],
) -> None:
    """Prints what ``command`` returns, or why it failed, and then exits with status 1. Sentry is told of an
    error that nobody expected.

    ``package`` is the service's, such as ``auth_service``; ``name`` is the command's.
    """
    process = f"{package.removesuffix('_service')}-{name}"
    configure_sentry(process, settings)
    database = Database(settings, application_name=process)
    try:
        print(await command(database))
        return
    except CommandFailed as error:
        reason = str(error)
    except DATABASE_ERRORS as error:
        if sqlstate(error) == UNDEFINED_TABLE:
            reason = f"the database has no tables yet; run: python -m {package}.migrate"
        elif means_unavailable(error):
            reason = "PostgreSQL cannot be reached; check DATABASE_URL and that it runs"
        else:
            raise
    finally:
        await database.close()
    print(f"{name}: {reason}", file=sys.stderr)
    raise SystemExit(1)

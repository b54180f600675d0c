"""Alembic for the services: one runner under a lock, and the body of each ``migrations/env.py``."""

import asyncio
import sys
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from service_kit.settings import ServiceSettings

# Any number, the same in every process: two jobs at once must not create a table twice.
MIGRATION_LOCK = 7_274_202_611
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '10s'"


def alembic_config(package_file: str, settings: ServiceSettings) -> Config:
    """The configuration of the service whose package lies beside its ``migrations`` folder."""
    folder = Path(package_file).resolve().parents[1] / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    config.attributes["database_url"] = settings.database_url.get_secret_value()
    return config


def migrate(package_file: str, settings: ServiceSettings, arguments: list[str]) -> None:
    """``python -m <service>.migrate``: upgrades to the newest revision.

    With ``--check`` it says instead whether models and migrations agree; with
    ``--revision "what changes"`` it writes a new migration from their difference.
    """
    config = alembic_config(package_file, settings)
    try:
        if arguments == ["--check"]:
            command.check(config)
        elif arguments[:1] == ["--revision"] and len(arguments) == 2:
            command.revision(config, message=arguments[1], autogenerate=True)
        elif not arguments:
            command.upgrade(config, "head")
        else:
            raise SystemExit("usage: migrate [--check | --revision MESSAGE]")
    except CommandError as error:
        print(f"migrate: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except OSError as error:
        print(
            f"migrate: PostgreSQL cannot be reached ({error.strerror or error}); "
            "check DATABASE_URL and that it runs",
            file=sys.stderr,
        )
        raise SystemExit(1) from None


def run_environment(metadata: MetaData) -> None:
    """What every ``migrations/env.py`` does."""
    asyncio.run(_run(metadata, context.config.attributes["database_url"]))


async def _run(metadata: MetaData, database_url: str) -> None:
    engine = create_async_engine(database_url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run_locked, metadata)
        await connection.commit()
    await engine.dispose()


def _run_locked(connection: Connection, metadata: MetaData) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    # A migration that waits for a lock makes everybody behind it wait: better it fails.
    connection.execute(text(LOCK_TIMEOUT))
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()

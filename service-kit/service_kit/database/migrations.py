"""Alembic for the services: one runner under a lock, and the body of each ``migrations/env.py``.

Processes of the release before serve people while a migration runs, and after it. So each revision is a
transaction of its own and a short one: none keeps a lock of a table in use while it goes through rows.
Indexes of such a table are built by ``build_index`` in a revision that does nothing else, its rows are
changed in batches, its CHECKs begin as NOT VALID, and what the release before needs stays for a release.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alembic import command, context, op
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from service_kit.database.errors import sqlstate
from service_kit.settings import ServiceSettings

# Any number, the same in every process: two jobs at once must not create a table twice.
MIGRATION_LOCK = 7_274_202_611
LOCK_POLL_SECONDS = 0.2
# A migration that waits for a lock makes everybody behind it wait: better it fails, and tries again.
LOCK_TIMEOUT = "SET lock_timeout = '1s'"
LOCK_NOT_AVAILABLE = "55P03"
ATTEMPTS, ATTEMPT_PAUSE_SECONDS = 30, 2.0


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
            _upgrade(config)
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


def _upgrade(config: Config) -> None:
    """Revisions that are done stay done: another attempt goes on from there."""
    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            command.upgrade(config, "head")
            return
        except DBAPIError as error:
            if sqlstate(error) != LOCK_NOT_AVAILABLE or not attempts_left:
                raise
            print("migrate: a table is in use; trying again", file=sys.stderr, flush=True)
            time.sleep(ATTEMPT_PAUSE_SECONDS)


def build_index(name: str, table: str, columns: Sequence[Any], **options: Any) -> None:
    """For a migration, on a table that is in use: nobody waits for it. ``options`` are those of
    ``op.create_index``.

    It ends the revision's transaction, so it has a revision for itself or with others of its kind.
    Safe to repeat: what an earlier attempt has left half built is dropped, what is whole stays.
    """
    with op.get_context().autocommit_block():
        # It waits for transactions that have begun before; nobody waits behind it meanwhile.
        op.execute("SET lock_timeout = 0")
        is_whole = op.get_bind().scalar(
            text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"),
            {"name": name},
        )
        if is_whole is False:
            op.drop_index(name, table_name=table, postgresql_concurrently=True)
        if not is_whole:
            op.create_index(name, table, columns, postgresql_concurrently=True, **options)
        op.execute(LOCK_TIMEOUT)


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
    """The lock is the connection's, over all revisions. Who waits for it has no transaction meanwhile:
    the one who has it may be building an index, which waits for every transaction there is."""
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": MIGRATION_LOCK}):
        connection.commit()
        time.sleep(LOCK_POLL_SECONDS)
    connection.execute(text(LOCK_TIMEOUT))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()

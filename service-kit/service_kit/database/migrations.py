"""Alembic for the services: ``python -m <service>.migrate``, and the body of ``alembic/env.py``.

Processes of the release before serve people while a migration runs, and after it. So each revision is a
transaction of its own and a short one: none keeps a lock of a table in use while it goes through rows.
Indexes of such a table are built by ``build_index`` in a revision that does nothing else, its rows are
changed in batches, its CHECKs begin as NOT VALID, and what the release before needs stays for a release.
``rename_table`` leaves a view under the old name.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from alembic import command, context, op
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from service_kit.database.errors import LOCK_NOT_AVAILABLE, sqlstate
from service_kit.database.schema_wait import wait_for_schema
from service_kit.sentry import configure_sentry
from service_kit.settings import ServiceSettings, SettingsT, load_settings

# Alembic's env.py and the template of a new revision, the same for all services.
ENVIRONMENT = Path(__file__).parent / "alembic"
# Any number, the same in every process: two jobs at once must not create a table twice.
MIGRATION_LOCK = 7_274_202_611
LOCK_POLL_SECONDS = 0.2
# A migration that waits for a lock makes everybody behind it wait: better it fails, and tries again.
LOCK_TIMEOUT = "SET lock_timeout = '1s'"
ATTEMPTS, ATTEMPT_PAUSE_SECONDS = 30, 2.0
# Indexes of constraints follow the names of their constraints; only the others are renamed here.
RENAME = r"""
DO $$
DECLARE
    statement text;
    named_after constant text := '^(pk_|uq_|ck_|fk_|ix_)?{old}(?=_|$)';
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = to_regclass('{old}')) IS DISTINCT FROM 'r' THEN
        RETURN;
    END IF;
    DROP VIEW IF EXISTS {new};
    ALTER TABLE {old} RENAME TO {new};
    FOR statement IN
        SELECT format(pattern, name, regexp_replace(name, named_after, '\1{new}'))
        FROM (
            SELECT conname AS name, 'ALTER TABLE {new} RENAME CONSTRAINT %I TO %I' AS pattern
            FROM pg_constraint WHERE conrelid = '{new}'::regclass
            UNION ALL
            SELECT relname, 'ALTER INDEX %I RENAME TO %I'
            FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
            WHERE indrelid = '{new}'::regclass
                AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
        ) AS names
        WHERE name ~ named_after
    LOOP
        EXECUTE statement;
    END LOOP;
    {at_the_end}
END $$
"""


def alembic_config(package: str, settings: ServiceSettings) -> Config:
    """Alembic's configuration for a service, named by its package.

    The revisions lie in ``migrations/versions`` beside the package, the tables in its ``models.Base``.
    """
    models = import_module(f"{package}.models")
    init_file = import_module(package).__file__
    assert init_file is not None
    versions = Path(init_file).resolve().parents[1] / "migrations" / "versions"
    config = Config()
    config.set_main_option("script_location", _escape(ENVIRONMENT))
    config.set_main_option("version_locations", _escape(versions))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    config.attributes["metadata"] = models.Base.metadata
    config.attributes["database_url"] = settings.database_url.get_secret_value()
    return config


def _escape(path: Path) -> str:
    return str(path).replace("%", "%%")


def migrate(
    package: str,
    settings_class: type[SettingsT],
    *,
    after_upgrade: Callable[[SettingsT], None] | None = None,
) -> None:
    """``python -m <service>.migrate``: upgrades to the newest revision, then calls ``after_upgrade``.

    With ``--check`` it says instead whether models and migrations agree; with
    ``--revision "what changes"`` it writes a new migration from their difference; with ``--wait`` it waits
    for somebody else's upgrade.
    """
    settings, arguments = load_settings(settings_class), sys.argv[1:]
    configure_sentry(f"{package.removesuffix('_service')}-migrate", settings)
    config = alembic_config(package, settings)
    try:
        if arguments == ["--check"]:
            command.check(config)
        elif arguments[:1] == ["--revision"] and len(arguments) == 2:
            command.revision(config, message=arguments[1], autogenerate=True)
        elif arguments == ["--wait"]:
            wait_for_schema(config)
        elif not arguments:
            _upgrade(config)
        else:
            raise SystemExit("usage: migrate [--check | --wait | --revision MESSAGE]")
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
    if after_upgrade is not None and not arguments:
        after_upgrade(settings)


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


def rename_table(old: str, new: str) -> None:
    """For a migration: renames a table and the indexes and constraints that are named after it, and
    leaves a view under the old name, through which processes of the release before read and write.

    PostgreSQL treats a view of this kind as it treats its table (ON CONFLICT, FOR UPDATE SKIP LOCKED,
    RETURNING, indexes); not so ``COPY`` and ``TRUNCATE``. A later migration drops the view.
    It ends the revision's transaction, and is safe to repeat.
    """
    # ``delete_some`` looks rows up by ctid.
    _rename(old, new, at_the_end=f"CREATE VIEW {old} AS SELECT *, ctid FROM {new};")


def undo_rename_table(old: str, new: str) -> None:
    """For a downgrade: what ``rename_table`` did, undone."""
    _rename(new, old, at_the_end="")


def _rename(old: str, new: str, *, at_the_end: str) -> None:
    """By one statement, which is a transaction: with locks of two tables it could wait for a statement
    that uses both, and that one for it."""
    with op.get_context().autocommit_block():
        op.execute(RENAME.format(old=old, new=new, at_the_end=at_the_end))


def run_environment() -> None:
    """What Alembic's ``env.py`` does, with the attributes that ``alembic_config`` has set."""
    attributes = context.config.attributes
    asyncio.run(_run(attributes["metadata"], attributes["database_url"]))


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

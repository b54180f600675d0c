"""Checks that are the same for several services."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import text

from service_kit.database.engine import Database
from service_kit.database.sql_files import load
from service_kit.doctor import Check, repeated, rows_of, until_done
from service_kit.messaging.outbox import OutboxQueries, OutboxRow
from service_kit.messaging.relay import KEPT_AFTER_CONFIRMATION, PURGED_AT_ONCE

statements = load("service_kit.doctor")

UNCONFIRMED_TOO_LONG = timedelta(minutes=15)
# Periodic work that is this late is not done at all.
LATE = timedelta(days=1)

_find_invalid_indexes = rows_of(statements.find_invalid_indexes)


async def _rebuild_indexes(database: Database) -> None:
    """Without a lock that people wait for; outside a transaction, as PostgreSQL wants it."""
    async with database.engine.connect() as connection:
        connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
        for name in await _find_invalid_indexes(database):
            # Left by an interrupted REINDEX CONCURRENTLY beside the index that is in use.
            is_leftover = name.rstrip("0123456789").endswith(("_ccnew", "_ccold"))
            action = "DROP INDEX" if is_leftover else "REINDEX INDEX"
            await connection.execute(text("SET lock_timeout = 0"))
            await connection.execute(text(f'{action} CONCURRENTLY "{name}"'))


INDEXES = Check(
    "indexes that are not valid, so that queries go without them",
    _find_invalid_indexes,
    "A migration or REINDEX was interrupted.",
    _rebuild_indexes,
)


def outbox_checks(outbox: type[OutboxRow]) -> Sequence[Check]:
    """No message is forgotten on its way, and none is kept for ever."""
    queries = OutboxQueries(outbox)

    async def purge(database: Database) -> None:
        async def purge_some() -> bool:
            async with database.transaction() as session:
                purged = await queries.purge(
                    session, older_than=KEPT_AFTER_CONFIRMATION, limit=PURGED_AT_ONCE
                )
            return purged == PURGED_AT_ONCE

        await until_done(purge_some)

    return (
        Check(
            f"messages that are not confirmed for {UNCONFIRMED_TOO_LONG.seconds // 60} minutes",
            rows_of(statements.find_unconfirmed_messages, older_than=UNCONFIRMED_TOO_LONG),
            "Do the relay and notification-service run, and does Redis (broker) accept messages?",
        ),
        Check(
            "messages whose next attempt is more than a day away",
            rows_of(statements.find_messages_never_due),
            "Is the host's clock right?",
            repeated(statements.make_messages_due),
        ),
        Check(
            "confirmed messages that should have been deleted",
            rows_of(statements.find_unpurged_messages, older_than=KEPT_AFTER_CONFIRMATION + LATE),
            "Does the relay run?",
            purge,
        ),
    )

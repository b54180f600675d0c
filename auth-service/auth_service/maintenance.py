"""Periodic work of auth-service, in the relay's process. Each job may run in several processes at once."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from auth_service.addresses import ascii_address
from auth_service.erasures.service import ErasureNotifier
from auth_service.keys.ring import grace_period
from auth_service.keys.service import list_keys
from auth_service.keys.states import State, key_states
from auth_service.mails.requests import process_mail_requests
from auth_service.models import AttemptCount, AuditEvent, User, UserSession
from auth_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.database.engine import Database, affected_rows
from service_kit.database.purging import delete_in_batches
from service_kit.database.tables import table_of
from service_kit.messaging.periodic import PeriodicJob
from service_kit.messaging.service_client import ServiceClient

MAIL_REQUEST_SECONDS = 0.25
ERASURE_SECONDS = 1.0
FILL_ADDRESSES_SECONDS = 60.0
PURGE_SECONDS = 3600.0
# How long a used refresh token of an ended session is still recognised.
KEEP_ENDED_SESSIONS = timedelta(days=7)
ADDRESSES_PER_BATCH = 500

accounts = table_of(User)

FILL_ASCII_ADDRESSES = text("""
    UPDATE account SET email_ascii = converted.form
    FROM (SELECT DISTINCT ON (form) * FROM unnest(:ids, :forms) AS batch (id, form)
        ORDER BY form, id) AS converted
    WHERE account.id = converted.id AND NOT EXISTS (
        SELECT FROM account AS other WHERE other.email_ascii = converted.form
    )
""").bindparams(bindparam("ids", type_=ARRAY(Uuid())), bindparam("forms", type_=ARRAY(Text())))


def periodic_jobs(
    settings: Settings, database: Database, client: ServiceClient
) -> Sequence[PeriodicJob]:
    """What this service does by itself; ``client`` calls the other services."""
    coalesce = timedelta(seconds=settings.mail_coalesce_seconds)
    notifier = ErasureNotifier(settings, client)
    return (
        PeriodicJob(
            partial(process_mail_requests, database, coalesce=coalesce), MAIL_REQUEST_SECONDS
        ),
        PeriodicJob(partial(notifier.notify_due, database), ERASURE_SECONDS),
        PeriodicJob(partial(fill_ascii_addresses, database), FILL_ADDRESSES_SECONDS),
        PeriodicJob(partial(purge, database, settings), PURGE_SECONDS),
    )


async def purge(database: Database, settings: Settings) -> None:
    """Deletes ended sessions, old attempts and audit events, and withdrawn keys."""
    now = utc_now()
    ended = now - KEEP_ENDED_SESSIONS
    too_old = now - timedelta(days=settings.audit_days)
    # One column at a time, because each has an index.
    for is_over in (
        col(UserSession.expires_at) < ended,
        col(UserSession.idle_at) < ended,
        col(UserSession.revoked_at) < ended,
    ):
        await delete_in_batches(database, table_of(UserSession), is_over)
    await delete_in_batches(database, table_of(AttemptCount), col(AttemptCount.ends_at) < now)
    await delete_in_batches(database, table_of(AuditEvent), col(AuditEvent.occurred_at) < too_old)
    async with database.transaction() as session:
        keys = await list_keys(session)
        states = key_states(keys, now=now, grace=grace_period(settings))
        for key in keys:
            if states[key.kid] is State.WITHDRAWN:
                await session.delete(key)


async def fill_ascii_addresses(database: Database) -> int:
    """Writes the ASCII form of addresses that a process of the release before has written; returns the
    number of accounts.

    Of two accounts with one address the second gets none, and is found by its spelling.
    """
    written, after = 0, UUID(int=0)
    while True:
        async with database.transaction() as session:
            rows = await session.execute(
                select(accounts.c.id, accounts.c.email)
                .where(accounts.c.email_ascii.is_(None), accounts.c.id > after)
                .order_by(accounts.c.id)
                .limit(ADDRESSES_PER_BATCH)
                .with_for_update(skip_locked=True)
            )
            batch = {row.id: ascii_address(row.email) for row in rows}
            if batch:
                changed = await session.execute(
                    FILL_ASCII_ADDRESSES, {"ids": list(batch), "forms": list(batch.values())}
                )
                written += affected_rows(changed)
        if len(batch) < ADDRESSES_PER_BATCH:
            return written
        after = max(batch)

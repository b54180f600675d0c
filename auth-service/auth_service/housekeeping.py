"""Forgetting what is over. Each statement may run in several processes at once."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from auth_service.accounts.addresses import ascii_address
from auth_service.keys.ring import grace_period
from auth_service.keys.service import list_keys
from auth_service.keys.states import State, states
from auth_service.models import AttemptCount, AuditEvent, User, UserSession
from auth_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.database.engine import Database, affected_rows
from service_kit.database.purging import delete_in_batches
from service_kit.database.tables import table_of

# So long a spent refresh token of an ended session is still recognised.
ENDED_SESSIONS_KEPT = timedelta(days=7)


# Addresses that are read in one transaction.
ADDRESSES_AT_ONCE = 500
accounts = table_of(User)
WRITE_ASCII_FORMS = text("""
    UPDATE account SET email_ascii = read.form
    FROM (SELECT DISTINCT ON (form) * FROM unnest(:ids, :forms) AS asked (id, form)
        ORDER BY form, id) AS read
    WHERE account.id = read.id AND NOT EXISTS (
        SELECT FROM account AS other WHERE other.email_ascii = read.form
    )
""").bindparams(bindparam("ids", type_=ARRAY(Uuid())), bindparam("forms", type_=ARRAY(Text())))


async def purge(database: Database, settings: Settings) -> None:
    now = utc_now()
    ended = now - ENDED_SESSIONS_KEPT
    too_old = now - timedelta(days=settings.audit_days)
    # By one moment after the other, each of which has an index.
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
        found = states(keys, now=now, grace=grace_period(settings))
        for key in keys:
            if found[key.kid] is State.WITHDRAWN:
                await session.delete(key)


async def read_addresses(database: Database) -> int:
    """Writes the ASCII form of addresses that a process of the release before wrote; of how many.

    Two accounts of one address stay as they are: the second has none, and is found by its spelling.
    """
    written, after = 0, UUID(int=0)
    while True:
        async with database.transaction() as session:
            found = await session.execute(
                select(accounts.c.id, accounts.c.email)
                .where(accounts.c.email_ascii.is_(None), accounts.c.id > after)
                .order_by(accounts.c.id)
                .limit(ADDRESSES_AT_ONCE)
                .with_for_update(skip_locked=True)
            )
            read = {row.id: ascii_address(row.email) for row in found}
            if read:
                changed = await session.execute(
                    WRITE_ASCII_FORMS, {"ids": list(read), "forms": list(read.values())}
                )
                written += affected_rows(changed)
        if len(read) < ADDRESSES_AT_ONCE:
            return written
        after = max(read)

"""Erased accounts: each service is told, and refuses what is left of their access tokens.

A service declares its table as ``class ErasedUser(ErasedUserRow, Base, table=True)``, notes erasures
with ``note_erasure``, keeps ``watch_erasures`` around its application and calls ``purge_erasures`` now
and then. ``identify`` (``service_kit.web.auth``) then refuses the tokens.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit.clock import utc_now
from service_kit.database.engine import Database, after_commit
from service_kit.database.purging import delete_in_batches
from service_kit.database.tables import table_of
from service_kit.observability.gauges import refresh_periodically
from service_kit.settings import ServiceSettings

REFRESH_SECONDS = 3.0
# For what clocks differ, and for a token that was made while the account was being erased.
MARGIN = timedelta(minutes=5)


class ErasedUserRow(SQLModel):
    """One row for each erased account, until none of its tokens can be valid any more."""

    __tablename__: ClassVar[Any] = "erased_user"

    user_id: UUID = Field(primary_key=True)
    erased_at: datetime = Field(default_factory=utc_now)


def kept_for(settings: ServiceSettings) -> timedelta:
    """How long a token of an erased account may live on, and so its row."""
    seconds = settings.access_token_seconds + settings.token_leeway_seconds
    return timedelta(seconds=seconds) + MARGIN


async def note_erasure(
    session: AsyncSession, table: type[ErasedUserRow], user_id: UUID, *, state: Any = None
) -> None:
    """Notes that the account is erased, from now on; safe to repeat.

    With ``state`` (an application's) this very process refuses the tokens from the commit on, others
    within ``REFRESH_SECONDS``.
    """
    rows = table_of(table)
    now = utc_now()
    await session.execute(
        insert(rows)
        .values(user_id=user_id, erased_at=now)
        .on_conflict_do_update(index_elements=[rows.c.user_id], set_={"erased_at": now})
    )
    if state is not None:

        async def refuse_here() -> None:
            state.erased_users = state.erased_users | {user_id}

        after_commit(session, refuse_here)


@asynccontextmanager
async def watch_erasures(state: Any, table: type[ErasedUserRow]) -> AsyncIterator[None]:
    """Keeps ``state.erased_users`` fresh while the application runs; while the database is away
    those that are known stay refused."""
    settings: ServiceSettings = state.settings
    database: Database = state.database
    rows, keep = table_of(table), kept_for(settings)

    async def read() -> None:
        async with database.transaction() as session:
            found = await session.execute(
                select(rows.c.user_id).where(rows.c.erased_at > func.now() - keep)
            )
            state.erased_users = frozenset(found.scalars())

    async with refresh_periodically(read, every_seconds=REFRESH_SECONDS):
        yield


async def purge_erasures(
    database: Database, table: type[ErasedUserRow], settings: ServiceSettings
) -> None:
    """Forgets the ids of accounts none of whose tokens can be valid any more."""
    rows = table_of(table)
    await delete_in_batches(database, rows, rows.c.erased_at < func.now() - kept_for(settings))

"""Forgetting what is over. Each statement may run in several processes at once."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Table
from sqlmodel import col

from auth_service.keys.ring import grace_period
from auth_service.keys.service import list_keys
from auth_service.keys.states import State, states
from auth_service.models import AttemptCount, AuditEvent, UserSession
from auth_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.database import Database
from service_kit.purging import delete_in_batches

# So long a spent refresh token of an ended session is still recognised.
ENDED_SESSIONS_KEPT = timedelta(days=7)


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
        await delete_in_batches(database, _table(UserSession), is_over)
    await delete_in_batches(database, _table(AttemptCount), col(AttemptCount.ends_at) < now)
    await delete_in_batches(database, _table(AuditEvent), col(AuditEvent.occurred_at) < too_old)
    async with database.transaction() as session:
        keys = await list_keys(session)
        found = states(keys, now=now, grace=grace_period(settings))
        for key in keys:
            if found[key.kid] is State.WITHDRAWN:
                await session.delete(key)


def _table(model: Any) -> Table:
    found: Table = model.__table__
    return found

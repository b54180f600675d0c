"""Mails that wait until their recipient has confirmed the address.

Auth-service is asked once per user, not per mail: a user with a thousand waiting mails costs one question.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.delivery.context import WorkerContext
from notification_service.delivery.tables import rows
from notification_service.models import AWAITS_ADDRESS, event_snapshots, notifications
from notification_service.statuses import MailStatus

USERS_PER_LOOK_UP = 100
LONGEST_PAUSE = timedelta(hours=6)
SHORTEST_PAUSE = timedelta(seconds=30)


async def look_up_unconfirmed(context: WorkerContext) -> bool:
    """Asks auth-service whether users with waiting mails have confirmed their address, each of them
    ever more seldom. True if there may be more users to ask about.

    Usually the message that an address is confirmed has released the mails before.
    """
    async with context.statement() as connection:
        user_ids = await users_to_look_up(connection, limit=USERS_PER_LOOK_UP)
    if not user_ids:
        return False
    contacts_by_user = await context.contacts.find_many(user_ids)
    unconfirmed = [
        user_id
        for user_id, contact in contacts_by_user.items()
        if contact is not None and contact.is_active and not contact.is_verified
    ]
    others = [user_id for user_id in user_ids if user_id not in set(unconfirmed)]
    async with context.statement() as connection:
        await release(connection, others)
        await release_after_event(connection, unconfirmed)
        await look_up_later(connection, unconfirmed)
    return len(user_ids) == USERS_PER_LOOK_UP


async def users_to_look_up(connection: AsyncConnection, *, limit: int) -> list[UUID]:
    """Users with waiting mails whose next look-up is due."""
    due = (
        select(rows.user_id)
        .where(text(AWAITS_ADDRESS), rows.next_attempt_at <= func.now())
        .order_by(rows.next_attempt_at)
        .limit(limit)
        .subquery()
    )
    found = await connection.execute(select(due.c.user_id).distinct())
    return list(found.scalars())


async def release(connection: AsyncConnection, user_ids: Sequence[UUID]) -> None:
    """Makes the waiting mails of these users due, as if they had been requested now."""
    await _release(connection, rows.user_id.in_(user_ids))


async def release_after_event(connection: AsyncConnection, user_ids: Sequence[UUID]) -> None:
    """Makes those about ended events due: their next attempt drops them."""
    ended = (
        select(1)
        .where(event_snapshots.c.event_id == rows.event_id, event_snapshots.c.ends_at <= func.now())
        .correlate(notifications)
    )
    await _release(connection, rows.user_id.in_(user_ids), ended.exists())


async def _release(connection: AsyncConnection, *which: ColumnElement[bool]) -> None:
    now: Any = func.now()
    await connection.execute(
        update(notifications)
        .where(text(AWAITS_ADDRESS), rows.status == MailStatus.QUEUED, *which)
        .values(waits_for=None, next_attempt_at=now, wanted_at=now, lease_until=None)
    )


async def look_up_later(connection: AsyncConnection, user_ids: Sequence[UUID]) -> None:
    """The longer a mail has waited, the longer until the next look-up of its recipient."""
    pause = func.least(
        func.greatest((func.now() - rows.created_at) / 4, SHORTEST_PAUSE), LONGEST_PAUSE
    )
    await connection.execute(
        update(notifications)
        .where(
            text(AWAITS_ADDRESS),
            rows.user_id.in_(user_ids),
            rows.next_attempt_at <= func.now(),
        )
        .values(next_attempt_at=func.now() + pause)
    )

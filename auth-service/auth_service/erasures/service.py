"""Notifies each service of each erased account until it has confirmed that twice.

A row for each service is written in the transaction that erases the account. Until every process refuses
the account's tokens (service_kit.web.erasures) one of them may still write something. So each service is
notified once more, ``CONFIRM_AGAIN`` after its first confirmation, which erases that as well.
"""

from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import delete, select, tuple_, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.models import Erasure
from auth_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.database.engine import Database
from service_kit.messaging.service_client import ServiceClient, ServiceUnavailable

ROUTES = {
    "event-service": "/api/v1/bookings/erasures",
    "notification-service": "/api/v1/notifications/erasures",
}
BATCH = 50
# How long a row belongs to the relay that claimed it, and the pause after a failed attempt.
LEASE = timedelta(seconds=15)
CONFIRM_AGAIN = timedelta(seconds=30)

log = structlog.get_logger()


def note_erasure(session: AsyncSession, user_id: UUID) -> None:
    session.add_all([Erasure(user_id=user_id, service=service) for service in ROUTES])


class ErasureNotifier:
    """Runs in the relay: ``notify_due`` sends a batch to each service."""

    def __init__(self, settings: Settings, client: ServiceClient) -> None:
        self._client = client
        self._urls = {
            "event-service": settings.event_service_url,
            "notification-service": settings.notification_service_url,
        }

    async def notify_due(self, database: Database) -> bool:
        """Whether more may be due. A service that does not respond delays no other."""
        results = [await self._notify_service(database, service) for service in ROUTES]
        return any(results)

    async def _notify_service(self, database: Database, service: str) -> bool:
        due = await _claim(database, service)
        for number, user_id in enumerate(due):
            try:
                await self._notify(service, user_id)
            except ServiceUnavailable as error:
                log.warning("erasure.not_notified", service=service, exc_info=error)
                # This row is due again after its lease, so that it does not block the others.
                await _release(database, due[number + 1 :], service)
                return False
            await _confirm(database, user_id, service)
        return len(due) == BATCH

    async def _notify(self, service: str, user_id: UUID) -> None:
        response = await self._client.request(
            "POST", self._urls[service] + ROUTES[service], json={"user_id": str(user_id)}
        )
        if response.status_code != 204:
            raise ServiceUnavailable(f"erasures answered {response.status_code}")


async def _claim(database: Database, service: str) -> list[UUID]:
    now = utc_now()
    due = (
        select(col(Erasure.user_id))
        .where(col(Erasure.service) == service, col(Erasure.next_attempt_at) <= now)
        .order_by(col(Erasure.next_attempt_at))
        .limit(BATCH)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    async with database.transaction() as session:
        claimed = await session.execute(
            update(Erasure)
            .where(col(Erasure.service) == service, col(Erasure.user_id).in_(due))
            .values(next_attempt_at=now + LEASE)
            .returning(col(Erasure.user_id))
        )
        return list(claimed.scalars())


async def _release(database: Database, user_ids: list[UUID], service: str) -> None:
    async with database.transaction() as session:
        await session.execute(
            update(Erasure)
            .where(col(Erasure.service) == service, col(Erasure.user_id).in_(user_ids))
            .values(next_attempt_at=utc_now())
        )


async def _confirm(database: Database, user_id: UUID, service: str) -> None:
    """Notes the first confirmation; deletes the row at the second."""
    now = utc_now()
    row = tuple_(col(Erasure.user_id), col(Erasure.service)) == (user_id, service)
    async with database.transaction() as session:
        ended = await session.execute(
            delete(Erasure)
            .where(row, col(Erasure.confirmed_at) <= now - CONFIRM_AGAIN)
            .returning(col(Erasure.user_id))
        )
        if ended.one_or_none() is None:
            await session.execute(
                update(Erasure)
                .where(row, col(Erasure.confirmed_at).is_(None))
                .values(confirmed_at=now, next_attempt_at=now + CONFIRM_AGAIN)
            )

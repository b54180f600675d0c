"""How the mails are doing: gauges for Prometheus."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import redis.asyncio
from prometheus_client import CollectorRegistry, Gauge
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy import Table, func, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service.models import OVERDUE, Notification
from notification_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.messaging.celery_app import KEY_PREFIX
from service_kit.observability.gauges import refresh_periodically

# The list that Celery's messages wait in: the queue's name after the prefix of every key of ours.
QUEUE_KEY = f"{KEY_PREFIX}notifications"
REDIS_TIMEOUT_SECONDS = 1.0

notifications: Table = Notification.__table__  # type: ignore[attr-defined]
rows = notifications.c


async def oldest_unsent_seconds(session: AsyncSession) -> float:
    """How long the mail has waited that has waited longest, but for those that are held back on
    purpose; 0.0 if none waits."""
    age = func.extract("epoch", func.now() - func.min(rows.wanted_at))
    found = await session.execute(select(age).where(text(OVERDUE)))
    return max(0.0, float(found.scalar() or 0.0))


async def count_unsent_held_and_failed(session: AsyncSession) -> tuple[int, int, int]:
    """Those that are on their way, that are held back on purpose, and that came to nothing."""
    conditions = (OVERDUE, "waits_for IS NOT NULL", "status = 'failed'")
    counts = [
        select(func.count()).select_from(notifications).where(text(which)).scalar_subquery()
        for which in conditions
    ]
    unsent, held_back, failed = (await session.execute(select(*counts))).one()
    return int(unsent), int(held_back), int(failed)


class Gauges:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.unsent = Gauge(
            "notifications_unsent", "Mails that wait or are being sent.", registry=registry
        )
        self.held_back = Gauge(
            "notifications_held_back",
            "Mails that wait for an address or an hour.",
            registry=registry,
        )
        self.failed = Gauge(
            "notifications_failed", "Mails that came to nothing.", registry=registry
        )
        self.oldest_seconds = Gauge(
            "notifications_oldest_unsent_seconds", "Wait of the oldest unsent.", registry=registry
        )
        self.queue_length = Gauge(
            "notifications_queue_length", "Messages on the queue; -1: unknown.", registry=registry
        )

    async def refresh(self, database: Database, broker: "redis.asyncio.Redis") -> None:
        async with database.transaction() as session:
            unsent, held_back, failed = await count_unsent_held_and_failed(session)
            self.oldest_seconds.set(await oldest_unsent_seconds(session))
        self.unsent.set(unsent)
        self.held_back.set(held_back)
        self.failed.set(failed)
        try:
            self.queue_length.set(await broker.llen(QUEUE_KEY))
        except (RedisError, OSError):
            self.queue_length.set(-1)


@asynccontextmanager
async def watch_mails(state: Any) -> AsyncIterator[None]:
    """Keeps the gauges fresh while the application runs."""
    settings: Settings = state.settings
    database: Database = state.database

    broker = redis.asyncio.Redis.from_url(
        settings.broker_url.get_secret_value(),
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    gauges = Gauges(state.metrics)

    async def measure() -> None:
        await gauges.refresh(database, broker)

    try:
        async with refresh_periodically(measure, every_seconds=settings.gauges_refresh_seconds):
            yield
    finally:
        await broker.aclose()

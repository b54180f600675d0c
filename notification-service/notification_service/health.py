"""Gauges for Prometheus: how many mails wait, for how long, and how many have failed."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import redis.asyncio
from prometheus_client import CollectorRegistry, Gauge
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy import func, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service.models import OVERDUE, notifications
from notification_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.messaging.celery_app import KEY_PREFIX, SENT_AT
from service_kit.observability.gauges import refresh_periodically
from service_kit.redis_clients import close_client

# The Redis list of Celery's queue: its name with our prefix.
QUEUE_KEY = f"{KEY_PREFIX}notifications"
REDIS_TIMEOUT_SECONDS = 1.0

rows = notifications.c


async def oldest_unsent_seconds(session: AsyncSession) -> float:
    """The age of the oldest unsent mail, not counting mails that wait on purpose; 0.0 if there is
    none."""
    age = func.extract("epoch", func.now() - func.min(rows.wanted_at))
    found = await session.execute(select(age).where(text(OVERDUE)))
    return max(0.0, float(found.scalar() or 0.0))


async def count_unsent_waiting_and_failed(session: AsyncSession) -> tuple[int, int, int]:
    """Mails that are unsent, that wait on purpose, and that have failed."""
    conditions = (OVERDUE, "waits_for IS NOT NULL", "status = 'failed'")
    counts = [
        select(func.count()).select_from(notifications).where(text(condition)).scalar_subquery()
        for condition in conditions
    ]
    unsent, waiting, failed = (await session.execute(select(*counts))).one()
    return int(unsent), int(waiting), int(failed)


def seconds_since_sent(message: bytes | str | None) -> float:
    """The wait of a message on the queue; 0.0 for none, for one of a release that did not say it, and for
    what is no message."""
    if message is None:
        return 0.0
    try:
        sent_at = json.loads(message)["headers"][SENT_AT]
        return 0.0 if isinstance(sent_at, bool) else max(0.0, time.time() - sent_at)
    except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError):
        return 0.0


class Gauges:
    def __init__(self, registry: CollectorRegistry) -> None:
        # Each process asks the same database: one answer, and not one for each.
        measured = partial(Gauge, registry=registry, multiprocess_mode="mostrecent")
        self.unsent = measured("notifications_unsent", "Mails that wait or are being sent.")
        self.waiting = measured(
            "notifications_held_back",
            "Mails that wait on purpose, for a confirmed address for example.",
        )
        self.failed = measured("notifications_failed", "Mails that have failed.")
        self.oldest_seconds = measured(
            "notifications_oldest_unsent_seconds", "Wait of the oldest unsent."
        )
        self.queue_length = measured(
            "notifications_queue_length", "Messages on the queue; -1: unknown."
        )
        self.queue_oldest_seconds = measured(
            "notifications_queue_oldest_seconds",
            "Wait of the oldest message on the queue; -1: unknown.",
        )

    async def refresh(self, database: Database, broker: "redis.asyncio.Redis") -> None:
        database.measure_pool()
        async with database.transaction() as session:
            unsent, waiting, failed = await count_unsent_waiting_and_failed(session)
            self.oldest_seconds.set(await oldest_unsent_seconds(session))
        self.unsent.set(unsent)
        self.waiting.set(waiting)
        self.failed.set(failed)
        try:
            self.queue_length.set(await broker.llen(QUEUE_KEY))
            self.queue_oldest_seconds.set(seconds_since_sent(await broker.lindex(QUEUE_KEY, -1)))
        except (RedisError, OSError):
            # What was seen last may be long gone, and an alert would not end; RedisAway says what is so.
            self.queue_length.set(-1)
            self.queue_oldest_seconds.set(-1)


@asynccontextmanager
async def watch_mails(state: Any) -> AsyncIterator[None]:
    """Refreshes the gauges while the application runs."""
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
        await close_client(broker)

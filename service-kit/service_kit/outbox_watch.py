"""How long the messages of a service wait for the queue: readiness, and a gauge for Prometheus."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import Gauge

from service_kit.database import Database
from service_kit.gauges import kept_fresh
from service_kit.outbox import OutboxQueries, OutboxRow
from service_kit.settings import ServiceSettings


class MessagesWaitTooLong(Exception):
    """The oldest message that is not on the queue is older than the settings allow."""


@asynccontextmanager
async def watch_outbox(state: Any, outbox: type[OutboxRow]) -> AsyncIterator[None]:
    """Adds the readiness check, and keeps the gauge fresh while the application runs."""
    settings: ServiceSettings = state.settings
    database: Database = state.database
    queries = OutboxQueries(outbox)
    gauge = Gauge(
        "outbox_oldest_unpublished_seconds",
        "Age of the oldest message that is not on the queue.",
        registry=state.metrics,
    )

    async def measure() -> float:
        async with database.transaction() as session:
            seconds = await queries.oldest_unpublished_seconds(session)
        gauge.set(seconds)
        return seconds

    async def messages_go_out() -> None:
        if await measure() > settings.oldest_unsent_seconds:
            raise MessagesWaitTooLong

    state.readiness["outbox"] = messages_go_out
    async with kept_fresh(measure, every_seconds=settings.gauges_refresh_seconds):
        yield

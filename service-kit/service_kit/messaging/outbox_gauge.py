"""How long the messages of a service wait for the queue: a gauge for Prometheus.

Not a matter of readiness: while the queue is away every process would be red, and nobody could book.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import Gauge

from service_kit.database.engine import Database
from service_kit.messaging.outbox import OutboxQueries, OutboxRow
from service_kit.observability.gauges import refresh_periodically
from service_kit.settings import ServiceSettings


@asynccontextmanager
async def watch_outbox(state: Any, outbox: type[OutboxRow]) -> AsyncIterator[None]:
    """Keeps the gauge fresh while the application runs."""
    settings: ServiceSettings = state.settings
    database: Database = state.database
    queries = OutboxQueries(outbox)
    gauge = Gauge(
        "outbox_oldest_unpublished_seconds",
        "Age of the oldest message that is not on the queue.",
        registry=state.metrics,
    )

    async def measure() -> None:
        async with database.transaction() as session:
            gauge.set(await queries.oldest_unpublished_seconds(session))

    async with refresh_periodically(measure, every_seconds=settings.gauges_refresh_seconds):
        yield

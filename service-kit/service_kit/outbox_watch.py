"""How long the messages of a service wait for the queue: readiness, and a gauge for Prometheus."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from prometheus_client import Gauge

from service_kit.database import DATABASE_ERRORS, Database
from service_kit.outbox import OutboxQueries, OutboxRow
from service_kit.settings import ServiceSettings

log = structlog.get_logger()


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

    async def measure_until(stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await measure()
            except DATABASE_ERRORS as error:
                log.warning("gauges.not_refreshed", exc_info=error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), settings.gauges_refresh_seconds)

    state.readiness["outbox"] = messages_go_out
    stop = asyncio.Event()
    measuring = asyncio.create_task(measure_until(stop))
    try:
        yield
    finally:
        # Asked to end and not cancelled: drivers have been seen to swallow a cancellation.
        stop.set()
        await measuring

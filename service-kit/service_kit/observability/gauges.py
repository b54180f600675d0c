"""Gauges that are measured now and then, and not when Prometheus asks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import sentry_sdk
import structlog
from prometheus_client import Gauge
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit.database.engine import Database
from service_kit.database.errors import DATABASE_ERRORS
from service_kit.settings import ServiceSettings

log = structlog.get_logger()


@asynccontextmanager
async def refresh_periodically(
    measure: Callable[[], Awaitable[object]], *, every_seconds: float
) -> AsyncIterator[None]:
    """Measures at once and again and again; a database that is away does not end it, nor does any other
    failure: Sentry is told of the first of several in a row."""
    stop = asyncio.Event()

    async def measure_until_stopped() -> None:
        has_failed = False
        while not stop.is_set():
            try:
                await measure()
                has_failed = False
            except Exception as error:
                log.warning("gauges.not_refreshed", exc_info=error)
                if not has_failed and not isinstance(error, DATABASE_ERRORS):
                    sentry_sdk.capture_exception(error)
                has_failed = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every_seconds)

    measuring = asyncio.create_task(measure_until_stopped())
    try:
        yield
    finally:
        # Asked to end and not cancelled: drivers have been seen to swallow a cancellation.
        stop.set()
        await measuring


@asynccontextmanager
async def watch_in_database(
    state: Any, name: str, description: str, measure: Callable[[AsyncSession], Awaitable[float]]
) -> AsyncIterator[None]:
    """A gauge that the database answers, while the application runs."""
    settings: ServiceSettings = state.settings
    database: Database = state.database
    # Each process asks the same database: one answer, and not one for each.
    gauge = Gauge(name, description, registry=state.metrics, multiprocess_mode="mostrecent")

    async def set_gauge() -> None:
        database.measure_pool()
        async with database.transaction() as session:
            gauge.set(await measure(session))

    async with refresh_periodically(set_gauge, every_seconds=settings.gauges_refresh_seconds):
        yield

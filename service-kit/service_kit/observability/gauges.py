"""Gauges that are measured now and then, and not when Prometheus asks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from service_kit.database.errors import DATABASE_ERRORS

log = structlog.get_logger()


@asynccontextmanager
async def refresh_periodically(
    measure: Callable[[], Awaitable[object]], *, every_seconds: float
) -> AsyncIterator[None]:
    """Measures at once and again and again; a database that is away does not end it."""
    stop = asyncio.Event()

    async def measure_until_stopped() -> None:
        while not stop.is_set():
            try:
                await measure()
            except DATABASE_ERRORS as error:
                log.warning("gauges.not_refreshed", exc_info=error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every_seconds)

    measuring = asyncio.create_task(measure_until_stopped())
    try:
        yield
    finally:
        # Asked to end and not cancelled: drivers have been seen to swallow a cancellation.
        stop.set()
        await measuring

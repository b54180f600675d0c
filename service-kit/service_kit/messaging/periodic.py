"""Periodic work in a background process: the one shape of the services' ``maintenance.py``."""

import asyncio
import contextlib
import functools
import inspect
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import sentry_sdk
import structlog
from prometheus_client.metrics import MetricWrapperBase

from service_kit.messaging.queue_length import BrokerUnavailable
from service_kit.messaging.service_client import ServiceUnavailable
from service_kit.metrics import JOB_RUNS, OF_JOBS
from service_kit.observability.heartbeat import Heartbeat
from service_kit.observability.logs import configure_logging
from service_kit.observability.metrics_server import MetricsServer
from service_kit.sentry import configure_sentry
from service_kit.settings import ServiceSettings

MAX_BACKOFF_SECONDS = 10.0
# One run of a job ends long before: it works in batches, and each wait of it has a limit.
STUCK_AFTER_SECONDS = 180.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PeriodicJob:
    """``run`` returns whether more may be due, in which case it runs again at once; otherwise after
    ``every_seconds``."""

    run: Callable[[], Awaitable[Any]]
    every_seconds: float


@contextlib.asynccontextmanager
async def background_process(
    name: str, settings: ServiceSettings, metrics: Iterable[MetricWrapperBase] = OF_JOBS
) -> AsyncIterator[asyncio.Event]:
    """Logging, Sentry and metrics of a process without HTTP; gives an event that SIGTERM and SIGINT set."""
    configure_logging(name, settings.log_level)
    configure_sentry(name, settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    server = MetricsServer(settings, metrics)
    log.info("process.started")
    try:
        yield stop
    finally:
        server.close()
    log.info("process.stopped")


async def run_jobs(
    jobs: Iterable[PeriodicJob], stop: asyncio.Event, *, heartbeat: Heartbeat | None = None
) -> None:
    """Runs all jobs concurrently until ``stop``. Each run of each job touches the heartbeat's file, until
    one of them is stuck."""
    if heartbeat is None:
        heartbeat = Heartbeat.from_environment(stuck_after_seconds=STUCK_AFTER_SECONDS)
    async with asyncio.TaskGroup() as tasks:
        for job in jobs:
            work = _with_heartbeat(job.run, heartbeat)
            tasks.create_task(repeat(work, every_seconds=job.every_seconds, stop=stop))


def _with_heartbeat(
    work: Callable[[], Awaitable[Any]], heartbeat: Heartbeat
) -> Callable[[], Awaitable[Any]]:
    @functools.wraps(work)
    async def run() -> Any:
        with heartbeat.at_work():
            return await work()

    return run


async def repeat(
    work: Callable[[], Awaitable[Any]], *, every_seconds: float, stop: asyncio.Event
) -> None:
    """Runs ``work`` again and again until ``stop``: at once while it reports work done, and after
    a longer pause with each failure in a row."""
    failures = 0
    # Before they count: Prometheus sees no increase in a series that begins at 1.
    succeeded, failed = (JOB_RUNS.labels(_name(work), word) for word in ("succeeded", "failed"))
    while not stop.is_set():
        try:
            busy = bool(await work())
            failures = 0
            succeeded.inc()
        except Exception as error:
            busy = False
            failures += 1
            failed.inc()
            log.warning("job.failed", job=_name(work), exc_info=error)
            if failures == 1 and not isinstance(error, (BrokerUnavailable, ServiceUnavailable)):
                sentry_sdk.capture_exception(error)
        if busy:
            continue
        pause = min(every_seconds * 2 ** min(failures, 10), max(every_seconds, MAX_BACKOFF_SECONDS))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)


def _name(work: Any) -> str:
    work = inspect.unwrap(work)
    return str(getattr(getattr(work, "func", work), "__qualname__", ""))

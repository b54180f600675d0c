"""``python -m notification_service.maintenance``: periodic work. Any number of processes may run.

It puts due mails on the queue, and asks auth-service about users whose mails wait for a confirmed
address. A process and no Celery task, because a task every second would fill Flower's pages.
"""

import asyncio
import signal
from functools import partial

import structlog

from notification_service.delivery.context import WorkerContext
from notification_service.delivery.sweep import sweep
from notification_service.delivery.waiting import look_up_unconfirmed
from notification_service.queueing import put_on_queue
from notification_service.settings import WorkerSettings
from service_kit.messaging.celery_app import create_celery
from service_kit.messaging.queue_length import QueueLength
from service_kit.messaging.relay import repeat
from service_kit.observability.logs import configure_logging
from service_kit.observability.sentry import configure_sentry
from service_kit.settings import load_settings

NAME = "notification-maintenance"
LOOK_UP_SECONDS = 5.0

log = structlog.get_logger()


async def run(settings: WorkerSettings) -> None:
    """Until SIGTERM or SIGINT."""
    configure_logging(NAME, settings.log_level)
    configure_sentry(NAME, settings.sentry_dsn, environment=settings.environment)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    async with WorkerContext(settings) as context:
        log.info("maintenance.started")
        await maintain(context, stop)
    log.info("maintenance.stopped")


async def maintain(context: WorkerContext, stop: asyncio.Event) -> None:
    """Until ``stop``."""
    settings = context.settings
    queue_length = QueueLength(settings)
    put = partial(put_on_queue, create_celery(NAME, settings))

    async def sweep_due() -> bool:
        return await sweep(context, put, queue_length=queue_length)

    async def look_up() -> bool:
        return await look_up_unconfirmed(context)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(repeat(sweep_due, every_seconds=settings.sweep_seconds, stop=stop))
        tasks.create_task(repeat(look_up, every_seconds=LOOK_UP_SECONDS, stop=stop))
    await queue_length.close()


def main() -> None:
    asyncio.run(run(load_settings(WorkerSettings)))


if __name__ == "__main__":
    main()

"""``python -m notification_service.maintenance``: what has to be done every second, so that no operator
has to scroll past it in Flower. Any number may run.

It puts mails on the queue that are due, and asks whether those have confirmed their address whose mails
wait for it.
"""

import asyncio
import signal
from functools import partial

import structlog

from notification_service.delivery import reception
from notification_service.delivery.post_office import PostOffice
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
    async with PostOffice(settings) as office:
        log.info("maintenance.started")
        await maintain(office, stop)
    log.info("maintenance.stopped")


async def maintain(office: PostOffice, stop: asyncio.Event) -> None:
    """Until ``stop``."""
    settings = office.settings
    queue_length = QueueLength(settings)
    put = partial(put_on_queue, create_celery(NAME, settings))

    async def sweep() -> bool:
        return await reception.sweep(office, put, queue_length=queue_length)

    async def look_up() -> bool:
        return await reception.look_up_unconfirmed(office)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(repeat(sweep, every_seconds=settings.sweep_seconds, stop=stop))
        tasks.create_task(repeat(look_up, every_seconds=LOOK_UP_SECONDS, stop=stop))
    await queue_length.close()


def main() -> None:
    asyncio.run(run(load_settings(WorkerSettings)))


if __name__ == "__main__":
    main()

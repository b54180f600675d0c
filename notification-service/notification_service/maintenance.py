"""``python -m notification_service.maintenance``: periodic work. Any number of processes may run.

It puts due mails on the queue, and asks auth-service about users whose mails wait for a confirmed
address. A process and no Celery task, because a task every second would fill Flower's pages.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

from notification_service.delivery.context import WorkerContext
from notification_service.delivery.sweep import sweep
from notification_service.delivery.waiting import look_up_unconfirmed
from notification_service.queueing import put_on_queue
from notification_service.settings import WorkerSettings
from service_kit.messaging.celery_app import create_celery
from service_kit.messaging.periodic import PeriodicJob, background_process, run_jobs
from service_kit.messaging.queue_length import QueueLength
from service_kit.settings import load_settings

NAME = "notification-maintenance"
LOOK_UP_SECONDS = 5.0


async def run(settings: WorkerSettings) -> None:
    """Until SIGTERM or SIGINT."""
    async with background_process(NAME, settings) as stop, WorkerContext(settings) as context:
        await maintain(context, stop)


async def maintain(context: WorkerContext, stop: asyncio.Event) -> None:
    """Until ``stop``."""
    queue_length = QueueLength(context.settings)
    await run_jobs(periodic_jobs(context, queue_length), stop)
    await queue_length.close()


def periodic_jobs(context: WorkerContext, queue_length: QueueLength) -> Sequence[PeriodicJob]:
    """What this service does by itself."""
    settings = context.settings
    put = partial(put_on_queue, create_celery(NAME, settings))
    sweep_due = partial(sweep, context, put, queue_length=queue_length)
    return (
        PeriodicJob(sweep_due, settings.sweep_seconds),
        PeriodicJob(partial(look_up_unconfirmed, context), LOOK_UP_SECONDS),
    )


def main() -> None:
    asyncio.run(run(load_settings(WorkerSettings)))


if __name__ == "__main__":
    main()

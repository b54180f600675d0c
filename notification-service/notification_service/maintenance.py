"""``python -m notification_service.maintenance``: what has to be done every second, so that no operator
has to scroll past it in Flower. Any number may run.

It puts mails on the queue that are due, and asks whether those have confirmed their address whose mails
wait for it.
"""

import asyncio
import signal
from typing import Any

import redis.asyncio
import structlog
from celery import Celery
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from notification_service.delivery import reception
from notification_service.delivery.post_office import PostOffice
from notification_service.delivery.queries import Due
from notification_service.health import QUEUE_KEY
from notification_service.queueing import put_on_queue
from notification_service.settings import WorkerSettings
from service_kit.logs import configure_logging
from service_kit.monitoring import configure_sentry
from service_kit.queue import create_queue
from service_kit.relay import QueueAway, repeat
from service_kit.settings import load_settings

NAME = "notification-maintenance"
REDIS_TIMEOUT_SECONDS = 2.0
LOOK_UP_SECONDS = 5.0

log = structlog.get_logger()


class Maintenance:
    def __init__(
        self, office: PostOffice, queue: Celery[Any], broker: "redis.asyncio.Redis"
    ) -> None:
        self._office = office
        self._queue = queue
        self._broker = broker

    async def sweep(self) -> bool:
        return await reception.sweep(self._office, self._put, queue_length=self._queue_length)

    async def look_up_unconfirmed(self) -> bool:
        return await reception.look_up_unconfirmed(self._office)

    def _put(self, due: list[Due]) -> None:
        put_on_queue(self._queue, due)

    async def _queue_length(self) -> int:
        try:
            return int(await self._broker.llen(QUEUE_KEY))
        except (RedisError, OSError) as error:
            raise QueueAway from error


async def run(settings: WorkerSettings) -> None:
    """Until SIGTERM or SIGINT."""
    configure_logging(NAME, settings.log_level)
    configure_sentry(NAME, settings.sentry_dsn, environment=settings.environment)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    broker = redis.asyncio.Redis.from_url(
        settings.broker_url.get_secret_value(),
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    async with PostOffice(settings) as office:
        maintenance = Maintenance(office, create_queue(NAME, settings), broker)
        log.info("maintenance.started")
        async with asyncio.TaskGroup() as tasks:
            for work, seconds in (
                (maintenance.sweep, settings.sweep_seconds),
                (maintenance.look_up_unconfirmed, LOOK_UP_SECONDS),
            ):
                tasks.create_task(repeat(work, every_seconds=seconds, stop=stop))
    await broker.aclose()
    log.info("maintenance.stopped")


def main() -> None:
    asyncio.run(run(load_settings(WorkerSettings)))


if __name__ == "__main__":
    main()

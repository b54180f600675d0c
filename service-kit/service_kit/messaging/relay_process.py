"""The process that brings a service's outbox to notification-service, and runs the service's jobs."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import httpx
from prometheus_client.metrics import MetricWrapperBase

from service_kit.database.engine import Database
from service_kit.messaging.celery_app import create_celery
from service_kit.messaging.contract import BATCH_TASKS
from service_kit.messaging.notifications import find_missing_notifications
from service_kit.messaging.outbox import OutboxRow
from service_kit.messaging.periodic import PeriodicJob, background_process, run_jobs
from service_kit.messaging.queue_length import QUEUE_IS_FULL, QueueLength
from service_kit.messaging.relay import QueuePublisher, Relay
from service_kit.messaging.service_client import ServiceClient
from service_kit.metrics import OF_RELAYS
from service_kit.settings import ServiceSettings

# What an idle relay costs grows with how often it looks; a mail takes seconds to arrive anyway.
IDLE_SECONDS = 0.25
PURGE_SECONDS = 3600


async def run_relay(
    name: str,
    settings: ServiceSettings,
    outbox: type[OutboxRow],
    *,
    periodic_jobs: Callable[[Database], Sequence[PeriodicJob]],
    service_client: ServiceClient | None = None,
    own_metrics: Sequence[MetricWrapperBase] = (),
    queue_is_full: int = QUEUE_IS_FULL,
) -> None:
    """The process ``python -m <service>.relay``; ends with SIGTERM or SIGINT after the batch.

    ``periodic_jobs`` gives the service's own jobs, which run beside the relay's, ``own_metrics`` what they
    count.
    """
    async with (
        background_process(name, settings, (*OF_RELAYS, *own_metrics)) as stop,
        httpx.AsyncClient(timeout=5.0) as http,
    ):
        database = Database(settings, application_name=name)
        queue_length = QueueLength(settings)
        client = service_client or ServiceClient(settings, http)
        relay = Relay(
            database,
            outbox,
            publish=QueuePublisher(create_celery(name, settings), BATCH_TASKS),
            find_missing=find_missing_notifications(client, settings.notification_service_url),
            reconcile_after=timedelta(seconds=settings.reconcile_seconds),
            queue_length=queue_length,
            queue_is_full=queue_is_full,
        )
        jobs = (
            PeriodicJob(relay.publish_batch, IDLE_SECONDS),
            PeriodicJob(relay.reconcile, settings.reconcile_seconds),
            PeriodicJob(relay.purge, PURGE_SECONDS),
            *periodic_jobs(database),
        )
        await run_jobs(jobs, stop)
        await queue_length.close()
        await database.close()

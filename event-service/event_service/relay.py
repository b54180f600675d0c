"""``python -m event_service.relay``: publishes this service's outbox, and runs its periodic jobs."""

import asyncio
from functools import partial

from event_service.maintenance import periodic_jobs
from event_service.metrics import OF_SEATS
from event_service.models import OutboxMessage
from event_service.settings import Settings
from service_kit.messaging.relay_process import run_relay
from service_kit.settings import load_settings

NAME = "event-relay"


async def run(settings: Settings) -> None:
    await run_relay(
        NAME,
        settings,
        OutboxMessage,
        periodic_jobs=partial(periodic_jobs, settings),
        own_metrics=OF_SEATS,
    )


if __name__ == "__main__":
    asyncio.run(run(load_settings(Settings)))

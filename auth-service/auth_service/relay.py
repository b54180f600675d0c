"""``python -m auth_service.relay``: publishes this service's outbox, and runs its periodic jobs."""

import asyncio

import httpx

from auth_service.clients.local import LocalServiceClient
from auth_service.keys.ring import KeyRing
from auth_service.keys.tokens import TokenIssuer
from auth_service.maintenance import periodic_jobs
from auth_service.models import OutboxMessage
from auth_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.messaging.queue_length import QUEUE_IS_FULL
from service_kit.messaging.relay_process import run_relay
from service_kit.settings import load_settings

NAME = "auth-relay"


async def run(settings: Settings) -> None:
    key_database = Database(settings, application_name=NAME)
    async with httpx.AsyncClient(timeout=5.0) as http:
        ring = KeyRing(key_database, settings)
        client = LocalServiceClient(settings, http, TokenIssuer(ring, settings))
        await run_relay(
            NAME,
            settings,
            OutboxMessage,
            periodic_jobs=lambda database: periodic_jobs(settings, database, client),
            service_client=client,
            # These messages are few, and must not wait for a backlog of event-service's.
            queue_is_full=2 * QUEUE_IS_FULL,
        )
        await ring.close()
    await key_database.close()


if __name__ == "__main__":
    asyncio.run(run(load_settings(Settings)))

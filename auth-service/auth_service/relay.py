"""``python -m auth_service.relay``: takes this service's messages from the outbox to the queue, answers
those who asked for a mail, tells the other services of erased accounts, and forgets what is over.
"""

import asyncio
from datetime import timedelta

import httpx

from auth_service.clients.local import LocalServiceClient
from auth_service.erasures.service import ErasureTeller
from auth_service.housekeeping import purge, read_addresses
from auth_service.keys.ring import KeyRing
from auth_service.keys.tokens import TokenIssuer
from auth_service.mails.requests import answer_mail_requests
from auth_service.models import OutboxMessage
from auth_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.messaging.queue_length import QUEUE_IS_FULL
from service_kit.messaging.relay import run_relay
from service_kit.settings import load_settings

NAME = "auth-relay"
MAIL_REQUEST_SECONDS = 0.25
PURGE_SECONDS = 3600.0
READ_ADDRESSES_SECONDS = 60.0
ERASURE_SECONDS = 1.0


async def run(settings: Settings) -> None:
    keys = Database(settings, application_name=NAME)
    coalesce = timedelta(seconds=settings.mail_coalesce_seconds)

    async def answer_requests(database: Database) -> int:
        return await answer_mail_requests(database, coalesce=coalesce)

    async def purge_old(database: Database) -> None:
        await purge(database, settings)

    async with httpx.AsyncClient(timeout=5.0) as http:
        ring = KeyRing(keys, settings)
        client = LocalServiceClient(settings, http, TokenIssuer(ring, settings))
        teller = ErasureTeller(settings, client)
        await run_relay(
            NAME,
            settings,
            OutboxMessage,
            reconcile_seconds=settings.reconcile_seconds,
            background={
                answer_requests: MAIL_REQUEST_SECONDS,
                purge_old: PURGE_SECONDS,
                read_addresses: READ_ADDRESSES_SECONDS,
                teller.tell_due: ERASURE_SECONDS,
            },
            service_client=client,
            # These are few, and go past a backlog of event-service's.
            queue_is_full=2 * QUEUE_IS_FULL,
        )
        await ring.close()
    await keys.close()


if __name__ == "__main__":
    asyncio.run(run(load_settings(Settings)))

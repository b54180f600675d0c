"""``python -m auth_service.migrate``: brings the database to the newest schema, and makes the first
signing key and the clients of Parterre's services."""

import asyncio
import sys

from auth_service.clients.service import store_secret
from auth_service.keys.cipher import cipher_for
from auth_service.keys.ring import KeyRing, UnreadableKeys
from auth_service.keys.service import ensure_first_key
from auth_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.database.engine import Database
from service_kit.database.migrations import migrate

EVENT_SERVICE_SCOPES = ("notifications:send", "users:contact")
NOTIFICATION_SERVICE_SCOPES = ("auth:links", "users:contact")
UNREADABLE = (
    "migrate: SECRET_KEY is not the one that the signing keys were encrypted with; set that one, or "
    "make new keys, which ends every session's token: python -m auth_service.keys rotate --compromised"
)


async def create_key_and_clients(settings: Settings) -> None:
    """What every installation starts with. Safe to run again, and by several at once: a client that has
    its secret keeps it."""
    database = Database(settings, application_name="auth-migrate")
    clients = (
        ("event-service", settings.event_service_client_secret, EVENT_SERVICE_SCOPES),
        (
            "notification-service",
            settings.notification_service_client_secret,
            NOTIFICATION_SERVICE_SCOPES,
        ),
    )
    try:
        async with database.transaction() as session:
            # Its lock is held to the end, so that the clients are not made twice either.
            await ensure_first_key(session, cipher_for(settings.secret_key), now=utc_now())
            for client_id, secret, scopes in clients:
                if secret.get_secret_value():
                    await store_secret(session, client_id, scopes, secret.get_secret_value())
        # Raises UnreadableKeys now and not at the first sign-in.
        await KeyRing(database, settings).signing_key()
    finally:
        await database.close()


def create_first_rows(settings: Settings) -> None:
    try:
        asyncio.run(create_key_and_clients(settings))
    except UnreadableKeys:
        print(UNREADABLE, file=sys.stderr)
        raise SystemExit(1) from None


def main() -> None:
    migrate("auth_service", Settings, after_upgrade=create_first_rows)


if __name__ == "__main__":
    main()

"""What every installation starts with: a signing key, and the clients of Parterre's services."""

from auth_service.clients.service import store_secret
from auth_service.keys.cipher import cipher_for
from auth_service.keys.ring import KeyRing
from auth_service.keys.service import ensure_first_key
from auth_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.database.engine import Database

EVENT_SERVICE_SCOPES = ("notifications:send", "users:contact")
NOTIFICATION_SERVICE_SCOPES = ("auth:links", "users:contact")


async def bootstrap(settings: Settings) -> None:
    """Safe to run again, and by several at once: a client that has its secret keeps it."""
    database = Database(settings, application_name="auth-bootstrap")
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

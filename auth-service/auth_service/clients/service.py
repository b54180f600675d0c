"""Service clients: their scopes, and secrets of which two are valid at once."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.errors import ClientNotAuthenticated, InvalidScope
from auth_service.models import ServiceClient
from service_kit.clock import utc_now

SCOPES = (
    "auth:links", "events:organizers", "notifications:send", "users:contact", "users:erase",
)
CLIENT_ID = re.compile(r"[a-z][a-z0-9-]{2,49}")
_NOBODY = bytes(32)


def hash_secret(secret: str) -> bytes:
    """A plain hash will do: nobody can try the 256 random bits of a secret one by one."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()


async def add_secret(session: AsyncSession, client_id: str, scopes: Sequence[str]) -> str:
    """Makes the client or gives it another secret; the one before stays valid, older ones do not."""
    secret = secrets.token_urlsafe(32)
    await keep_secret(session, client_id, scopes, secret)
    return secret


async def keep_secret(
    session: AsyncSession, client_id: str, scopes: Sequence[str], secret: str
) -> None:
    """The same for a secret that is known already; nothing changes if the client has it."""
    scope, hashed = " ".join(sorted(set(scopes))), hash_secret(secret)
    client = await session.get(ServiceClient, client_id, with_for_update=True)
    if client is None:
        session.add(ServiceClient(id=client_id, scope=scope, secret_hash=hashed))
        return
    client.scope = scope
    if hashed not in (client.secret_hash, client.older_secret_hash):
        client.older_secret_hash, client.secret_hash = client.secret_hash, hashed
        client.secret_changed_at = utc_now()


async def authenticate(session: AsyncSession, client_id: str, secret: str) -> ServiceClient:
    """Raises ClientNotAuthenticated."""
    client = await session.get(ServiceClient, client_id)
    hashed = hash_secret(secret)
    newer = hmac.compare_digest(hashed, client.secret_hash if client else _NOBODY)
    older = hmac.compare_digest(hashed, (client and client.older_secret_hash) or _NOBODY)
    if client is None or not (newer or older):
        raise ClientNotAuthenticated
    return client


def granted_scope(client: ServiceClient, asked: str) -> str:
    """All that the client has, or the part it asks for. Raises InvalidScope."""
    if not asked.split():
        return client.scope
    if not set(asked.split()) <= set(client.scope.split()):
        raise InvalidScope
    return " ".join(sorted(set(asked.split())))

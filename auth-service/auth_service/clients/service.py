"""Service clients: scopes, and secrets, of which two are valid at a time."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.models import ServiceClient
from auth_service.problems import ClientNotAuthenticated, InvalidScope
from service_kit.clock import utc_now

SCOPES = (
    "auth:links",
    "events:organizers",
    "notifications:send",
    "users:contact",
    "users:erase",
)
CLIENT_ID = re.compile(r"[a-z][a-z0-9-]{2,49}")
_DUMMY_HASH = bytes(32)


def hash_secret(secret: str) -> bytes:
    """SHA-256 is enough: nobody can try all values of a secret of 256 random bits."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()


async def add_secret(session: AsyncSession, client_id: str, scopes: Sequence[str]) -> str:
    """Creates the client, or gives it a new secret; the previous one stays valid, older ones do not."""
    secret = secrets.token_urlsafe(32)
    await store_secret(session, client_id, scopes, secret)
    return secret


async def store_secret(
    session: AsyncSession, client_id: str, scopes: Sequence[str], secret: str
) -> None:
    """The same with a given secret; nothing changes if the client has it already."""
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
    is_current = hmac.compare_digest(hashed, client.secret_hash if client else _DUMMY_HASH)
    is_previous = hmac.compare_digest(hashed, (client and client.older_secret_hash) or _DUMMY_HASH)
    if client is None or not (is_current or is_previous):
        raise ClientNotAuthenticated
    return client


def granted_scope(client: ServiceClient, requested: str) -> str:
    """The requested part of the client's scope, or all of it. Raises InvalidScope."""
    if not requested.split():
        return client.scope
    if not set(requested.split()) <= set(client.scope.split()):
        raise InvalidScope
    return " ".join(sorted(set(requested.split())))

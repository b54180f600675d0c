"""The signing keys in memory: refreshed every few seconds, and kept while PostgreSQL is unavailable."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from cryptography.fernet import InvalidToken
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from auth_service.keys.cipher import cipher_for
from auth_service.keys.service import ensure_first_key, list_keys, public_jwk
from auth_service.keys.states import State, key_states
from auth_service.models import SigningKey
from auth_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.database.engine import Database
from service_kit.database.errors import DATABASE_ERRORS
from service_kit.web.tokens import ALGORITHM

FRESH_SECONDS = 2.0
# Keys older than this are refreshed before a token is verified with them.
STALE_SECONDS = 10.0
CLOCK_MARGIN = timedelta(seconds=60)

log = structlog.get_logger()


def grace_period(settings: Settings) -> timedelta:
    """How long tokens of a key may be in use after it has stopped signing."""
    lifetime = settings.access_token_seconds + settings.token_leeway_seconds
    return CLOCK_MARGIN + timedelta(seconds=lifetime)


class UnreadableKeys(Exception):
    """SECRET_KEY is not the one that the signing keys were encrypted with."""


@dataclass(frozen=True, slots=True)
class LoadedKey:
    kid: str
    signs_from: datetime
    public_key: str
    private_key: Ed25519PrivateKey

    def document(self) -> dict[str, str]:
        jwk = public_jwk(self.public_key)
        return {**jwk, "kid": self.kid, "use": "sig", "alg": ALGORITHM}


class KeyRing:
    """Gives the key that signs now, and publishes all keys that valid tokens may be signed with.

    Old keys stay in use while they are refreshed: the caller may hold the last connection of the pool.
    A key is published long before it signs.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._cipher = cipher_for(settings.secret_key)
        self._grace = grace_period(settings)
        self._keys: list[LoadedKey] = []
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None

    async def signing_key(self) -> LoadedKey:
        await self._prepare()
        states = self._states()
        return next(key for key in self._keys if states[key.kid] is State.SIGNING)

    async def document(self) -> dict[str, Any]:
        """The present JSON Web Key Set (RFC 7517), without withdrawn keys. The caller must not hold a
        connection."""
        await self._read_if_old()
        states = self._states()
        published = [key for key in self._keys if states[key.kid] is not State.WITHDRAWN]
        return {"keys": [key.document() for key in published]}

    async def find_public(self, kid: str) -> Any | None:
        """The public key; None if it is unknown or withdrawn. The caller must not hold a connection."""
        await self._prepare()
        if time.monotonic() - self._read_at >= STALE_SECONDS:
            await self._read_if_old()
        if not any(key.kid == kid for key in self._keys):
            # Another process may just have made it.
            await self._read_if_old()
        states = self._states()
        for key in self._keys:
            if key.kid == kid and states[kid] is not State.WITHDRAWN:
                return key.private_key.public_key()
        return None

    async def close(self) -> None:
        if self._reading is not None:
            await self._reading

    def _states(self) -> dict[str, State]:
        return key_states(self._keys, now=utc_now(), grace=self._grace)

    async def _prepare(self) -> None:
        if not self._keys:
            await self._read_if_old()
        elif self._is_old() and (self._reading is None or self._reading.done()):
            self._reading = asyncio.create_task(self._read_if_old())

    def _is_old(self) -> bool:
        return time.monotonic() - self._read_at >= FRESH_SECONDS

    async def _read_if_old(self) -> None:
        async with self._lock:
            if not self._is_old():
                return
            try:
                await self._read()
            except DATABASE_ERRORS as error:
                if not self._keys:
                    raise
                log.warning("keys.not_read", exc_info=error)
            self._read_at = time.monotonic()

    async def _read(self) -> None:
        async with self._database.transaction() as session:
            rows = await list_keys(session)
        if not rows:
            async with self._database.transaction() as session:
                await ensure_first_key(session, self._cipher, now=utc_now())
            async with self._database.transaction() as session:
                rows = await list_keys(session)
        known = {key.kid: key.private_key for key in self._keys}
        self._keys = [
            LoadedKey(
                row.kid, row.signs_from, row.public_key, known.get(row.kid) or self._decrypt(row)
            )
            for row in rows
        ]

    def _decrypt(self, row: SigningKey) -> Ed25519PrivateKey:
        """Raises UnreadableKeys."""
        try:
            private = load_pem_private_key(self._cipher.decrypt(row.private_key), password=None)
        except InvalidToken:
            raise UnreadableKeys from None
        assert isinstance(private, Ed25519PrivateKey)
        return private

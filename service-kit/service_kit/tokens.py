"""Access tokens as other services see them: asymmetric JWTs, verified with keys fetched over REST.

What is checked, and what is ignored: RFC 8725. The algorithm is ours and not the token's; ``jku``,
``x5u`` and ``jwk`` headers are never read.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import jwt
import structlog

ALGORITHM = "EdDSA"
USER_AUDIENCE = "parterre"
SERVICE_AUDIENCE = "parterre-services"
REQUIRED_CLAIMS = ("iss", "aud", "sub", "exp", "iat", "jti")

KEYS_FRESH_SECONDS = 300
UNKNOWN_KEY_COOLDOWN_SECONDS = 2
VERIFIED_TOKENS_KEPT = 4096

log = structlog.get_logger()

FetchKeys = Callable[[], Awaitable[dict[str, Any]]]


class InvalidToken(Exception):
    """Not a token of ours, or one that has ended."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request: a person (``user_id``) or a service (``scopes``)."""

    id: str
    user_id: UUID | None
    session_id: str | None = None
    is_superuser: bool = False
    is_verified: bool = False
    scopes: frozenset[str] = frozenset()
    csrf: str | None = None
    expires_at: int = 0


@dataclass(frozen=True, slots=True)
class Person(Principal):
    """A principal who is somebody, and no service."""

    user_id: UUID


class KeySet:
    """The issuer's public keys: fetched once, kept, refreshed when old or when a key is unknown.

    Keys that are known go on being used while the issuer is away.
    """

    def __init__(
        self, fetch: FetchKeys, *, cooldown_seconds: float = UNKNOWN_KEY_COOLDOWN_SECONDS
    ) -> None:
        self._fetch = fetch
        self._cooldown_seconds = cooldown_seconds
        self._keys: dict[str, Any] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._lock = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    async def get(self, kid: str) -> Any:
        """The key; raises InvalidToken if the issuer has none of that id, KeysUnavailable if
        it has never been reached."""
        now = time.monotonic()
        if kid in self._keys:
            if now - self._fetched_at > KEYS_FRESH_SECONDS and now - self._tried_at > 10:
                self._tried_at = now
                self._refreshing = asyncio.create_task(self._refresh())
            return self._keys[kid]
        async with self._lock:
            if kid not in self._keys:
                # A flood of made-up key ids must not become a flood of requests to the issuer.
                if time.monotonic() - self._tried_at >= self._cooldown_seconds:
                    self._tried_at = time.monotonic()
                    await self._refresh()
        if kid in self._keys:
            return self._keys[kid]
        if not self._keys:
            raise KeysUnavailable
        raise InvalidToken("unknown key")

    async def _refresh(self) -> None:
        try:
            document = await self._fetch()
            self._keys = {
                entry["kid"]: jwt.PyJWK.from_dict(entry, algorithm=ALGORITHM).key
                for entry in document["keys"]
            }
            self._fetched_at = time.monotonic()
        except (httpx.HTTPError, jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            log.warning("keys.not_fetched", exc_info=error)


class KeysUnavailable(Exception):
    """No key has been fetched yet, so that nobody can be told from anybody."""


class TokenVerifier:
    """Turns a token into a Principal. A token that was verified is remembered until it ends."""

    def __init__(self, keys: KeySet, *, issuer: str, leeway_seconds: int) -> None:
        self._keys = keys
        self._issuer = issuer
        self._leeway_seconds = leeway_seconds
        self._verified: OrderedDict[str, Principal] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """Raises InvalidToken, or KeysUnavailable."""
        known = self._verified.get(token)
        if known is not None:
            if known.expires_at + self._leeway_seconds > time.time():
                return known
            del self._verified[token]
            raise InvalidToken("expired")
        principal = principal_from(await self._claims(token))
        self._verified[token] = principal
        if len(self._verified) > VERIFIED_TOKENS_KEPT:
            self._verified.popitem(last=False)
        return principal

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            if header.get("alg") != ALGORITHM or not isinstance(kid, str):
                raise InvalidToken("foreign algorithm or no key id")
            key = await self._keys.get(kid)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=[USER_AUDIENCE, SERVICE_AUDIENCE],
                issuer=self._issuer,
                leeway=self._leeway_seconds,
                options={"require": list(REQUIRED_CLAIMS)},
            )
        except (jwt.PyJWTError, UnicodeError, RecursionError) as error:
            raise InvalidToken(type(error).__name__) from None
        return claims


def principal_from(claims: dict[str, Any]) -> Principal:
    """Raises InvalidToken if the claims do not fit their audience."""
    if claims["aud"] == SERVICE_AUDIENCE:
        return Principal(
            id=f"service:{claims['sub']}",
            user_id=None,
            scopes=frozenset(str(claims.get("scope", "")).split()),
            expires_at=int(claims["exp"]),
        )
    try:
        user_id = UUID(claims["sub"])
    except (ValueError, AttributeError, TypeError):
        raise InvalidToken("no user") from None
    return Person(
        id=str(user_id),
        user_id=user_id,
        session_id=claims.get("sid"),
        is_superuser=claims.get("superuser") is True,
        is_verified=claims.get("email_verified") is True,
        csrf=claims.get("csrf"),
        expires_at=int(claims["exp"]),
    )


def fetch_keys_from(auth_service_url: str, client: httpx.AsyncClient) -> FetchKeys:
    async def fetch() -> dict[str, Any]:
        response = await client.get(f"{auth_service_url}/.well-known/jwks.json")
        response.raise_for_status()
        document: dict[str, Any] = response.json()
        return document

    return fetch

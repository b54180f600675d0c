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

ACCESS_TOKEN_SECONDS = 600

# The keys are asked for again in the background at the first age, and waited for at the second: a key
# that the issuer has withdrawn is refused 20 s later, also by a process that had nothing to do.
KEYS_REFRESH_SECONDS = 10
KEYS_STALE_SECONDS = 20
KEYS_RETRY_SECONDS = 5
KEYS_TIMEOUT_SECONDS = 2.0
# No answer, and an answer that is no key document.
KEYS_ERRORS = (
    httpx.HTTPError,
    jwt.PyJWTError,
    KeyError,
    TypeError,
    ValueError,
    TimeoutError,
)
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
    # The profile's full name, if there is one.
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Person(Principal):
    """A principal who is somebody, and no service."""

    user_id: UUID


class KeySet:
    """The issuer's public keys, refreshed every few seconds while tokens are checked.

    While the issuer is away its known keys stay in use for ``outage_seconds``: longer than any token
    lives that it can have signed. After that no token can be genuine, and a key that was withdrawn
    meanwhile must not stay good only because nobody could be asked.
    """

    def __init__(
        self,
        fetch: FetchKeys,
        *,
        cooldown_seconds: float = UNKNOWN_KEY_COOLDOWN_SECONDS,
        outage_seconds: float = ACCESS_TOKEN_SECONDS + 60,
    ) -> None:
        self._fetch = fetch
        self._cooldown_seconds = cooldown_seconds
        self._outage_seconds = outage_seconds
        self._documents: dict[str, Any] = {}
        self._keys: dict[str, Any] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._failed_at = float("-inf")
        self._ended_at = float("-inf")
        self._refreshing: asyncio.Task[None] | None = None
        # Grows whenever the keys have changed: what was verified before must be verified again.
        self.version = 0

    async def get(self, kid: str) -> Any:
        """The key; raises InvalidToken if the issuer has none of that id, KeysUnavailable if
        it has never been reached, or not for long."""
        await self.freshen()
        if kid in self._keys:
            return self._keys[kid]
        # A flood of made-up key ids must not become a flood of requests to the issuer: all wait for the
        # same answer, and after one that came late none waits for another.
        if time.monotonic() - self._ended_at >= self._cooldown_seconds:
            self._start_refresh()
        if self._refreshing is not None:
            await asyncio.shield(self._refreshing)
        if kid in self._keys:
            return self._keys[kid]
        if not self._keys:
            raise KeysUnavailable
        raise InvalidToken("unknown key")

    async def freshen(self) -> None:
        """Sees that the keys are those of now, as far as the issuer can be reached.

        Only keys that nobody has asked for in a while make a request wait, and after an attempt that
        failed none waits for the next.
        """
        now = time.monotonic()
        age = now - self._fetched_at
        if age < KEYS_REFRESH_SECONDS or not self._keys:
            return
        if self._refreshing is None and now - self._tried_at >= KEYS_RETRY_SECONDS:
            self._start_refresh()
        if (
            self._refreshing is not None
            and age >= KEYS_STALE_SECONDS
            and now - self._failed_at >= KEYS_STALE_SECONDS
        ):
            # A client that leaves must not end what others wait for too.
            await asyncio.shield(self._refreshing)
        if time.monotonic() - self._fetched_at > self._outage_seconds:
            self._replace({})

    def _start_refresh(self) -> None:
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh())
            self._refreshing.add_done_callback(self._refreshed)

    def _refreshed(self, _: "asyncio.Task[None]") -> None:
        self._refreshing = None

    async def _refresh(self) -> None:
        self._tried_at = time.monotonic()
        try:
            async with asyncio.timeout(KEYS_TIMEOUT_SECONDS):
                document = await self._fetch()
            documents = {entry["kid"]: entry for entry in document["keys"]}
            if documents != self._documents:
                self._replace(documents)
            # Asked then: an answer may be older than its arrival.
            self._fetched_at = self._tried_at
        except KEYS_ERRORS as error:
            self._failed_at = time.monotonic()
            log.warning("keys.not_fetched", exc_info=error)
        finally:
            self._ended_at = time.monotonic()

    def _replace(self, documents: dict[str, Any]) -> None:
        self._keys = {
            kid: jwt.PyJWK.from_dict(entry, algorithm=ALGORITHM).key
            for kid, entry in documents.items()
        }
        self._documents = documents
        self.version += 1


class KeysUnavailable(Exception):
    """No key has been fetched yet, so that nobody can be told from anybody."""


class TokenVerifier:
    """Turns a token into a Principal. A token that was verified is remembered until it ends, or until
    the issuer's keys change."""

    def __init__(
        self,
        keys: KeySet,
        *,
        issuer: str,
        leeway_seconds: int,
        lifetime_seconds: int = ACCESS_TOKEN_SECONDS,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._leeway_seconds = leeway_seconds
        self._lifetime_seconds = lifetime_seconds
        self._verified: OrderedDict[str, Principal] = OrderedDict()
        self._keys_version = keys.version

    async def verify(self, token: str) -> Principal:
        """Raises InvalidToken, or KeysUnavailable."""
        await self._keys.freshen()
        if self._keys_version != self._keys.version:
            self._verified.clear()
            self._keys_version = self._keys.version
        known = self._verified.get(token)
        if known is not None:
            if known.expires_at + self._leeway_seconds > time.time():
                return known
            del self._verified[token]
            raise InvalidToken("expired")
        version = self._keys.version
        principal = principal_from(await self._claims(token))
        if version == self._keys.version:
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
        except (jwt.PyJWTError, UnicodeError, RecursionError, OverflowError) as error:
            raise InvalidToken(type(error).__name__) from None
        self.refuse_long_life(claims)
        return claims

    def refuse_long_life(self, claims: dict[str, Any]) -> None:
        """Raises InvalidToken for a token that was made to live longer than ours do: nobody but a
        thief of a key signs one."""
        issued_at, ends_at = claims["iat"], claims["exp"]
        if type(issued_at) is not int or type(ends_at) is not int:
            raise InvalidToken("times are no whole numbers")
        if ends_at - issued_at > self._lifetime_seconds:
            raise InvalidToken("lives longer than it may")


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
        name=name if isinstance(name := claims.get("name"), str) and name else None,
    )


def fetch_keys_from(auth_service_url: str, client: httpx.AsyncClient) -> FetchKeys:
    async def fetch() -> dict[str, Any]:
        response = await client.get(f"{auth_service_url}/.well-known/jwks.json")
        response.raise_for_status()
        document: dict[str, Any] = response.json()
        return document

    return fetch

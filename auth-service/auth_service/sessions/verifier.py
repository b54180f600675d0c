"""Verifies tokens at auth-service: with its own keys, and against the session and the account.

At the other services a token is valid until it expires. Here it ends with its session, and roles and
name come from the account.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

import jwt
from sqlalchemy import Row, func, select
from sqlmodel import col

from auth_service.keys.ring import KeyRing
from auth_service.models import User, UserSession
from auth_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.web.tokens import (
    ALGORITHM,
    REQUIRED_CLAIMS,
    USER_AUDIENCE,
    InvalidToken,
    KeySet,
    Principal,
    TokenVerifier,
    principal_from,
)


class LocalKeys(KeySet):
    """The keys of this process; nothing is fetched over HTTP."""

    def __init__(self, ring: KeyRing) -> None:
        super().__init__(ring.document)
        self._ring = ring

    async def freshen(self) -> None:
        """KeyRing refreshes itself."""

    async def get(self, kid: str) -> Any:
        key = await self._ring.find_public(kid)
        if key is None:
            raise InvalidToken("unknown key")
        return key


class SessionVerifier(TokenVerifier):
    def __init__(self, ring: KeyRing, database: Database, settings: Settings) -> None:
        self._local_keys = LocalKeys(ring)
        super().__init__(
            self._local_keys,
            issuer=settings.token_issuer,
            leeway_seconds=settings.token_leeway_seconds,
            lifetime_seconds=settings.access_token_seconds,
        )
        self._settings = settings
        # One statement by primary key needs no transaction: a round trip in place of three.
        self._engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")

    async def verify(self, token: str) -> Principal:
        principal = await super().verify(token)
        # The result of a verification is cached, but must not outlive its key.
        await self._local_keys.get(jwt.get_unverified_header(token)["kid"])
        return await self._with_current_account(principal) if principal.user_id else principal

    async def verify_ended(self, token: str) -> Principal:
        """Accepts an expired access token as well, while its session is live: a page that was asleep
        for longer than a token's lifetime stays signed in."""
        try:
            header = jwt.get_unverified_header(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                await self._local_keys.get(str(header.get("kid"))),
                algorithms=[ALGORITHM],
                audience=USER_AUDIENCE,
                issuer=self._settings.token_issuer,
                leeway=self._settings.token_leeway_seconds,
                options={"require": list(REQUIRED_CLAIMS), "verify_exp": False},
            )
        except (jwt.PyJWTError, UnicodeError, RecursionError, OverflowError) as error:
            raise InvalidToken(type(error).__name__) from None
        self.refuse_long_life(claims)
        return await self._with_current_account(principal_from(claims))

    async def _with_current_account(self, principal: Principal) -> Principal:
        try:
            session_id = UUID(principal.session_id)
        except (ValueError, TypeError, AttributeError):
            raise InvalidToken("no session") from None
        row = await self._find_live(session_id)
        if row is None or row.user_id != principal.user_id:
            raise InvalidToken("the session has ended")
        return replace(
            principal,
            is_superuser=row.is_superuser,
            is_verified=row.is_verified,
            name=row.full_name or None,
        )

    async def _find_live(self, session_id: UUID) -> Row[Any] | None:
        statement = (
            select(
                col(UserSession.user_id),
                col(User.is_superuser),
                col(User.is_verified),
                col(User.full_name),
            )
            .join(User, col(User.id) == col(UserSession.user_id))
            .where(
                col(UserSession.id) == session_id,
                col(UserSession.revoked_at).is_(None),
                col(UserSession.expires_at) > func.now(),
                col(UserSession.idle_at) > func.now(),
                col(User.is_active),
            )
        )
        async with self._engine.connect() as connection:
            return (await connection.execute(statement)).one_or_none()

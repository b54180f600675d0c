"""Signs access tokens; service_kit.web.tokens verifies them."""

import uuid
from typing import Any

import jwt

from auth_service.keys.ring import KeyRing
from auth_service.models import User, UserSession
from auth_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.web.tokens import ALGORITHM, SERVICE_AUDIENCE, USER_AUDIENCE


class TokenIssuer:
    """Access tokens for users and for services; both are valid for ``lifetime_seconds``."""

    def __init__(self, ring: KeyRing, settings: Settings) -> None:
        self._ring = ring
        self._issuer = settings.token_issuer
        self.lifetime_seconds = settings.access_token_seconds

    async def for_user(self, user: User, session: UserSession, *, csrf: str | None = None) -> str:
        """``csrf`` is the claim that binds a browser's session to its CSRF token."""
        claims = {
            "sub": str(user.id),
            "aud": USER_AUDIENCE,
            "sid": str(session.id),
            "superuser": user.is_superuser,
            "email_verified": user.is_verified,
            "name": user.full_name or None,
        }
        if csrf is not None:
            claims["csrf"] = csrf
        return await self._sign(claims)

    async def for_service(self, client_id: str, scope: str) -> str:
        return await self._sign({"sub": client_id, "aud": SERVICE_AUDIENCE, "scope": scope})

    async def _sign(self, claims: dict[str, Any]) -> str:
        key = await self._ring.signing_key()
        now = int(utc_now().timestamp())
        payload = {
            "iss": self._issuer,
            "iat": now,
            "exp": now + self.lifetime_seconds,
            "jti": str(uuid.uuid4()),
            **claims,
        }
        return jwt.encode(payload, key.private_key, ALGORITHM, headers={"kid": key.kid})

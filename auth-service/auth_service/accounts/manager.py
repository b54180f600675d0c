"""fastapi-users' UserManager with Parterre's rules. Its own flows do the work where they can; what
they lack (the pending address, one use also under a race) stands around them."""

from typing import Any
from uuid import UUID

import jwt
from fastapi import Request
from fastapi_users import BaseUserManager, UUIDIDMixin
from fastapi_users.exceptions import (
    InvalidResetPasswordToken,
    InvalidVerifyToken,
    UserAlreadyExists,
    UserAlreadyVerified,
)
from fastapi_users.jwt import decode_jwt
from fastapi_users.schemas import UC
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.accounts import passwords
from auth_service.accounts.addresses import foreign_character
from auth_service.accounts.credentials import end_what_was_begun, is_bound
from auth_service.accounts.hashing import Hasher, PreparedPasswords
from auth_service.accounts.queries import lock_user
from auth_service.accounts.storage import UserDatabase
from auth_service.audit.service import Action, forget_whereabouts, record
from auth_service.erasures.service import note_erasure
from auth_service.errors import EmailTaken
from auth_service.mails import messages
from auth_service.models import User
from auth_service.sessions.service import revoke_all
from auth_service.settings import Settings
from auth_service.visitor import Visitor
from service_kit.clock import utc_now
from service_kit.problems import InvalidRequest


class UserManager(UUIDIDMixin, BaseUserManager[User, UUID]):
    """One for each request, around its session."""

    password_helper: PreparedPasswords

    def __init__(
        self, session: AsyncSession, settings: Settings, hasher: Hasher, visitor: Visitor
    ) -> None:
        super().__init__(UserDatabase(session, User), PreparedPasswords())
        self.session = session
        self.settings = settings
        self.visitor = visitor
        self._hasher = hasher
        self.verification_token_secret = settings.verification_token_secret
        self.reset_password_token_secret = settings.reset_password_token_secret

    def refuse_unreachable(self, email: str) -> None:
        """Raises InvalidRequest for a new address to which the mail server may take no mail. Who has
        one already keeps it."""
        found = None if self.settings.international_addresses else foreign_character(email)
        if found:
            message = f"holds {found}, which our mail server cannot take before the @"
            raise InvalidRequest.field("email", message)

    async def prepare_password(self, password: str, email: str) -> None:
        """Checks and hashes a new password, before the transaction holds a connection."""
        refuse_weak(password, email)
        await self.password_helper.prepare(password, self._hasher)

    async def validate_password(self, password: str, user: UC | User) -> None:
        refuse_weak(password, user.email)

    def read_reset_token(self, token: str) -> dict[str, Any]:
        """Raises InvalidResetPasswordToken."""
        try:
            claims = decode_jwt(
                token, self.reset_password_token_secret, [self.reset_password_token_audience]
            )
            UUID(claims["sub"])
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError):
            raise InvalidResetPasswordToken from None
        return claims

    async def reset_password(
        self, token: str, password: str, request: Request | None = None
    ) -> User:
        claims = self.read_reset_token(token)
        # Two requests with one token: the second sees the first's password and fails.
        user = await lock_user(self.session, UUID(claims["sub"]))
        if user is None or claims.get("email") != user.email or not is_bound(claims, user):
            raise InvalidResetPasswordToken
        return await super().reset_password(token, password, request)

    async def verify(self, token: str, request: Request | None = None) -> User:
        try:
            claims = decode_jwt(
                token, self.verification_token_secret, [self.verification_token_audience]
            )
            user = await lock_user(self.session, UUID(claims["sub"]))
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError):
            raise InvalidVerifyToken from None
        if user is None:
            raise InvalidVerifyToken
        address = claims.get("email")
        if address == user.email and user.is_verified:
            # Whatever became of the credentials since: nothing is left to do.
            raise UserAlreadyVerified
        if not user.is_active or not is_bound(claims, user):
            raise InvalidVerifyToken
        if user.pending_email and address == user.pending_email:
            return await self._take_pending_address(user)
        if address != user.email:
            raise InvalidVerifyToken
        return await self._confirm_address(user)

    async def _confirm_address(self, user: User) -> User:
        await self.user_db.update(user, {"is_verified": True})
        self.session.add(messages.address_confirmed(user.id))
        record(self.session, Action.EMAIL_VERIFIED, user_id=user.id, visitor=self.visitor)
        return user

    async def _take_pending_address(self, user: User) -> User:
        changes = {"email": user.pending_email, "is_verified": True}
        end_what_was_begun(user)
        try:
            await self.user_db.update(user, changes)
        except UserAlreadyExists:
            raise EmailTaken from None
        self.session.add(messages.address_confirmed(user.id))
        record(self.session, Action.EMAIL_CHANGED, user_id=user.id, visitor=self.visitor)
        return user

    async def on_after_register(self, user: User, request: Request | None = None) -> None:
        now = utc_now()
        user.verification_mail_at = now
        self.session.add(messages.verification_mail(user.id, topic="user.registered.v1", now=now))
        record(self.session, Action.REGISTERED, user_id=user.id, visitor=self.visitor)

    async def on_after_reset_password(self, user: User, request: Request | None = None) -> None:
        end_what_was_begun(user)
        await revoke_all(self.session, user.id, now=utc_now())
        record(self.session, Action.PASSWORD_RESET, user_id=user.id, visitor=self.visitor)
        if not user.is_verified:
            # The link came to this address, which proves it as well as another link would.
            await self._confirm_address(user)
        self.session.add(messages.password_changed(user.id, version=user.credentials_version))

    async def on_before_delete(self, user: User, request: Request | None = None) -> None:
        note_erasure(self.session, user.id)
        self.session.add(messages.erasure(user.id))
        await forget_whereabouts(self.session, user.id)


def refuse_weak(password: str, email: str) -> None:
    reason = passwords.weakness(password, email)
    if reason:
        raise InvalidRequest.field("password", reason)

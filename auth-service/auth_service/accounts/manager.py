"""fastapi-users' UserManager with Parterre's rules: pending addresses, and links that work once even
when two requests use one at the same time."""

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

from auth_service.accounts.storage import UserDatabase
from auth_service.addresses import non_ascii_character
from auth_service.audit.service import Action, anonymize, record
from auth_service.client_info import ClientInfo
from auth_service.erasures.service import note_erasure
from auth_service.identity import passwords
from auth_service.identity.credentials import is_bound, void_links_and_pending_email
from auth_service.identity.hashing import Hasher, PrecomputedHashes
from auth_service.identity.queries import lock_user
from auth_service.mails import messages
from auth_service.models import User
from auth_service.problems import EmailTaken
from auth_service.sessions.service import revoke_all
from auth_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.problems import InvalidRequest


class UserManager(UUIDIDMixin, BaseUserManager[User, UUID]):
    """One for each request, with its database session."""

    password_helper: PrecomputedHashes

    def __init__(
        self, session: AsyncSession, settings: Settings, hasher: Hasher, client_info: ClientInfo
    ) -> None:
        super().__init__(UserDatabase(session, User), PrecomputedHashes())
        self.session = session
        self.settings = settings
        self.client_info = client_info
        self._hasher = hasher
        self.verification_token_secret = settings.verification_token_secret
        self.reset_password_token_secret = settings.reset_password_token_secret

    def refuse_unreachable(self, email: str) -> None:
        """Raises InvalidRequest for a new address that the mail server may not accept. Accounts that
        have such an address keep it."""
        character = None if self.settings.international_addresses else non_ascii_character(email)
        if character:
            message = f"holds {character}, which our mail server cannot take before the @"
            raise InvalidRequest.field("email", message)

    async def prepare_password(self, password: str, email: str) -> None:
        """Checks and hashes a new password. Call it before the transaction takes a connection. Raises
        InvalidRequest."""
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
        # Of two requests with one token, the second sees the new password and fails.
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
            # Nothing is left to do, whatever the credentials are now.
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
        record(self.session, Action.EMAIL_VERIFIED, user_id=user.id, client_info=self.client_info)
        return user

    async def _take_pending_address(self, user: User) -> User:
        changes = {"email": user.pending_email, "is_verified": True}
        void_links_and_pending_email(user)
        try:
            await self.user_db.update(user, changes)
        except UserAlreadyExists:
            raise EmailTaken from None
        self.session.add(messages.address_confirmed(user.id))
        record(self.session, Action.EMAIL_CHANGED, user_id=user.id, client_info=self.client_info)
        return user

    async def on_after_register(self, user: User, request: Request | None = None) -> None:
        now = utc_now()
        user.verification_mail_at = now
        self.session.add(messages.verification_mail(user.id, topic="user.registered.v1", now=now))
        record(self.session, Action.REGISTERED, user_id=user.id, client_info=self.client_info)

    async def on_after_reset_password(self, user: User, request: Request | None = None) -> None:
        void_links_and_pending_email(user)
        await revoke_all(self.session, user.id, now=utc_now())
        record(self.session, Action.PASSWORD_RESET, user_id=user.id, client_info=self.client_info)
        if not user.is_verified:
            # The link was sent to this address, so using it verifies the address.
            await self._confirm_address(user)
        self.session.add(messages.password_changed(user.id, version=user.credentials_version))

    async def on_before_delete(self, user: User, request: Request | None = None) -> None:
        note_erasure(self.session, user.id)
        self.session.add(messages.erasure(user.id))
        await anonymize(self.session, user.id)


def refuse_weak(password: str, email: str) -> None:
    reason = passwords.weakness(password, email)
    if reason:
        raise InvalidRequest.field("password", reason)

"""Password checks: outside the event loop and of any transaction, with a limit on failed attempts."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from pydantic import SecretStr
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.audit.service import Action, record
from auth_service.client_info import ClientInfo
from auth_service.identity.credentials import can_have_password
from auth_service.identity.hashing import Hasher
from auth_service.identity.queries import find_by_email, lock_user, lookup_form
from auth_service.models import User
from auth_service.problems import BadCredentials
from auth_service.sessions.attempts import (
    attempt_key,
    count_attempt,
    locked_out,
    refuse_when_exceeded,
    reset_attempts,
)
from auth_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.database.engine import Database


@dataclass(frozen=True, slots=True)
class CheckedPassword:
    """An account whose password matched when it was read."""

    user_id: UUID
    email: str
    hashed_password: str
    newer_hash: str | None
    attempts: bytes


class PasswordChecks:
    def __init__(self, database: Database, hasher: Hasher, settings: Settings) -> None:
        self._database = database
        self._hasher = hasher
        self._secret: SecretStr = settings.secret_key
        self._limit = settings.bad_passwords
        self._window = timedelta(minutes=settings.bad_password_minutes)

    async def check(
        self,
        email: str,
        password: str,
        *,
        client_info: ClientInfo,
        signed_in_as: UUID | None = None,
    ) -> CheckedPassword:
        """Raises BadCredentials, after the same time with and without such an account, or LockedOut.

        Strangers who guess passwords do not lock out the owner: somebody who is signed in to the
        account (``signed_in_as``) has a separate counter.
        """
        async with self._database.transaction() as session:
            user = await find_by_email(session, email)
            if user is not None and user.id == signed_in_as:
                key = self._own_key(user.id)
            else:
                key = attempt_key(self._secret, "sign-in", lookup_form(email))
            await refuse_when_exceeded(session, key, limit=self._limit, now=utc_now())
        return await self._compare(user, password, key, client_info)

    async def check_own(
        self, user_id: UUID, password: str | None, *, client_info: ClientInfo
    ) -> CheckedPassword:
        """The same for a signed-in user who confirms a change with the password."""
        if not password:
            raise BadCredentials("This needs your current password.")
        async with self._database.transaction() as session:
            user = await session.get(User, user_id)
            key = self._own_key(user_id)
            await refuse_when_exceeded(session, key, limit=self._limit, now=utc_now())
        return await self._compare(user, password, key, client_info)

    def _own_key(self, user_id: UUID) -> bytes:
        return attempt_key(self._secret, "own-password", str(user_id))

    async def _compare(
        self, user: User | None, password: str, key: bytes, client_info: ClientInfo
    ) -> CheckedPassword:
        hashed = user.hashed_password if user and can_have_password(user) else None
        matches, newer = await self._hasher.verify(password, hashed)
        if user is None or not matches or not user.is_active:
            await self._refuse(key, user, client_info)
            raise BadCredentials
        return CheckedPassword(user.id, user.email, user.hashed_password, newer, key)

    async def _refuse(self, key: bytes, user: User | None, client_info: ClientInfo) -> None:
        """Counts the failed attempt in a transaction of its own, because the request will fail."""
        now, user_id = utc_now(), user.id if user else None
        async with self._database.transaction() as session:
            count = await count_attempt(session, key, window=self._window, now=now)
            if count.attempts <= self._limit:
                record(session, Action.SIGN_IN_FAILED, user_id=user_id, client_info=client_info)
            if count.attempts == self._limit:
                record(session, Action.SIGN_IN_LOCKED, user_id=user_id, client_info=client_info)
        if count.attempts > self._limit:
            raise locked_out(count, now)

    async def accept(self, session: AsyncSession, checked: CheckedPassword) -> User:
        """The account, locked, after its password was checked. Raises BadCredentials if the password has
        changed meanwhile, and LockedOut if concurrent guesses have used up the attempts."""
        user = await lock_user(session, checked.user_id)
        if user is None or user.hashed_password != checked.hashed_password or not user.is_active:
            raise BadCredentials
        await refuse_when_exceeded(session, checked.attempts, limit=self._limit, now=utc_now())
        await reset_attempts(session, checked.attempts)
        if checked.newer_hash:
            user.hashed_password = checked.newer_hash
        return user

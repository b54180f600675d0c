"""Sessions: a family of refresh tokens each, or a browser's cookie."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.accounts.credentials import end_what_was_begun
from auth_service.accounts.queries import lock_user
from auth_service.audit.service import Action, record
from auth_service.errors import RefreshInvalid, RefreshReused
from auth_service.models import RefreshToken, User, UserSession
from auth_service.sessions.queries import find_refresh_token, lock_session
from auth_service.visitor import Visitor
from service_kit.database.engine import Database
from service_kit.problems import NotAuthenticated, NotFound
from service_kit.web.tokens import Person

Kind = Literal["token", "browser"]


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """A session ends ``idle`` after its last use, and ``absolute`` after its beginning."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True, slots=True)
class Renewed:
    user: User
    session: UserSession
    refresh_token: str = ""


async def open_session(
    session: AsyncSession,
    user: User,
    *,
    kind: Kind,
    visitor: Visitor,
    lifetimes: Lifetimes,
    now: datetime,
) -> UserSession:
    row = UserSession(
        user_id=user.id,
        kind=kind,
        created_at=now,
        last_used_at=now,
        expires_at=now + lifetimes.absolute,
        idle_at=now + min(lifetimes.idle, lifetimes.absolute),
        address=visitor.address,
        user_agent=visitor.user_agent,
    )
    session.add(row)
    # Its first refresh token refers to it.
    await session.flush()
    record(session, Action.SIGNED_IN, user_id=user.id, visitor=visitor, details={"kind": kind})
    return row


def add_refresh_token(session: AsyncSession, row: UserSession, *, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    session.add(RefreshToken(token_hash=hash_token(token), session_id=row.id, created_at=now))
    return token


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()


def is_live(row: UserSession, now: datetime) -> bool:
    return row.revoked_at is None and now < min(row.expires_at, row.idle_at)


async def refresh(
    database: Database, token: str, *, visitor: Visitor, lifetimes: Lifetimes, now: datetime
) -> Renewed:
    """Spends the token for its successor. Raises RefreshInvalid, or RefreshReused once the family is
    revoked for good: that has to be committed although the answer is a refusal.

    Of two requests with one token at once, one gets the successor and the other ends the family:
    which of the two is the thief cannot be told.
    """
    try:
        async with database.transaction() as session:
            return await _spend(session, token, lifetimes=lifetimes, now=now)
    except RefreshReused:
        await revoke_family(database, token, Action.REFRESH_REUSED, visitor=visitor, now=now)
        raise


async def _spend(
    session: AsyncSession, token: str, *, lifetimes: Lifetimes, now: datetime
) -> Renewed:
    found = await find_refresh_token(session, token_hash := hash_token(token))
    if found is None:
        raise RefreshInvalid
    row = await lock_session(session, found.session_id)
    if row is None:
        raise RefreshInvalid
    spent = await session.execute(
        update(RefreshToken)
        .where(col(RefreshToken.token_hash) == token_hash, col(RefreshToken.used_at).is_(None))
        .values(used_at=now)
        .returning(col(RefreshToken.token_hash))
    )
    if spent.one_or_none() is None:
        raise RefreshReused
    return await _use(session, row, lifetimes=lifetimes, now=now)


async def _use(
    session: AsyncSession, row: UserSession, *, lifetimes: Lifetimes, now: datetime
) -> Renewed:
    user = await session.get(User, row.user_id)
    if user is None or not user.is_active or not is_live(row, now):
        raise RefreshInvalid
    touch(row, lifetimes=lifetimes, now=now)
    return Renewed(user, row, add_refresh_token(session, row, now=now))


def touch(row: UserSession, *, lifetimes: Lifetimes, now: datetime) -> None:
    row.last_used_at = now
    row.idle_at = min(now + lifetimes.idle, row.expires_at)


async def renew(
    session: AsyncSession, session_id: UUID, *, lifetimes: Lifetimes, now: datetime
) -> Renewed:
    """For a browser's session. Raises RefreshInvalid."""
    row = await lock_session(session, session_id)
    user = await session.get(User, row.user_id) if row else None
    if row is None or user is None or not user.is_active or not is_live(row, now):
        raise RefreshInvalid
    touch(row, lifetimes=lifetimes, now=now)
    return Renewed(user, row)


async def revoke_family(
    database: Database, token: str, action: Action, *, visitor: Visitor, now: datetime
) -> None:
    """Ends the session of a refresh token, spent or not; nothing happens for an unknown one."""
    async with database.transaction() as session:
        found = await find_refresh_token(session, hash_token(token))
        if found is not None:
            await revoke(session, found.session_id, action, visitor=visitor, now=now)


async def revoke(
    session: AsyncSession, session_id: UUID, action: Action, *, visitor: Visitor, now: datetime
) -> None:
    row = await lock_session(session, session_id)
    if row is not None and row.revoked_at is None:
        row.revoked_at = now
        record(session, action, user_id=row.user_id, visitor=visitor)


async def revoke_own(
    session: AsyncSession, session_id: UUID, *, user_id: UUID, visitor: Visitor, now: datetime
) -> None:
    """Raises NotFound for a session of somebody else."""
    row = await lock_session(session, session_id)
    if row is None or row.user_id != user_id:
        raise NotFound
    await revoke(session, session_id, Action.SIGNED_OUT, visitor=visitor, now=now)


async def sign_out_elsewhere(
    session: AsyncSession, principal: Person, *, visitor: Visitor, now: datetime
) -> None:
    """Ends every other session, and whatever was begun from one. Raises NotAuthenticated."""
    user = await lock_user(session, principal.user_id)
    if user is None:
        raise NotAuthenticated
    end_what_was_begun(user)
    await revoke_all(session, user.id, now=now, but=principal.session_id)
    record(session, Action.SIGNED_OUT_ELSEWHERE, user_id=user.id, visitor=visitor)


async def revoke_all(
    session: AsyncSession, user_id: UUID, *, now: datetime, but: str | None = None
) -> None:
    """Ends every session of an account; ``but`` is the id of the one that stays."""
    statement = (
        update(UserSession)
        .where(col(UserSession.user_id) == user_id, col(UserSession.revoked_at).is_(None))
        .values(revoked_at=now)
    )
    if but is not None:
        statement = statement.where(col(UserSession.id) != UUID(but))
    await session.execute(statement)

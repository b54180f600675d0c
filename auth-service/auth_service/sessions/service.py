"""Sessions: each is a family of refresh tokens, or a browser's cookie."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.audit.service import Action, record
from auth_service.client_info import ClientInfo
from auth_service.identity.credentials import void_links_and_pending_email
from auth_service.identity.queries import lock_user
from auth_service.metrics import SESSION_RENEWALS, counted
from auth_service.models import RefreshToken, User, UserSession
from auth_service.problems import RefreshInvalid, RefreshReused
from auth_service.sessions.queries import find_refresh_token, lock_session
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
class RenewedSession:
    user: User
    session: UserSession
    refresh_token: str = ""


async def open_session(
    session: AsyncSession,
    user: User,
    *,
    kind: Kind,
    client_info: ClientInfo,
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
        address=client_info.address,
        user_agent=client_info.user_agent,
    )
    session.add(row)
    # Its first refresh token has a foreign key to it.
    await session.flush()
    record(
        session, Action.SIGNED_IN, user_id=user.id, client_info=client_info, details={"kind": kind}
    )
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
    database: Database, token: str, *, client_info: ClientInfo, lifetimes: Lifetimes, now: datetime
) -> RenewedSession:
    """Exchanges the token for its successor. Raises RefreshInvalid, or RefreshReused after the family
    has been revoked: that is committed although the request is refused.

    Of two concurrent requests with one token, one gets the successor and the other revokes the family,
    because nobody can tell which of the two is the thief.
    """
    try:
        with counted(SESSION_RENEWALS, "token"):
            async with database.transaction() as session:
                return await _exchange(session, token, lifetimes=lifetimes, now=now)
    except RefreshReused:
        await revoke_family(
            database, token, Action.REFRESH_REUSED, client_info=client_info, now=now
        )
        raise


async def _exchange(
    session: AsyncSession, token: str, *, lifetimes: Lifetimes, now: datetime
) -> RenewedSession:
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
) -> RenewedSession:
    user = await session.get(User, row.user_id)
    if user is None or not user.is_active or not is_live(row, now):
        raise RefreshInvalid
    touch(row, lifetimes=lifetimes, now=now)
    return RenewedSession(user, row, add_refresh_token(session, row, now=now))


def touch(row: UserSession, *, lifetimes: Lifetimes, now: datetime) -> None:
    row.last_used_at = now
    row.idle_at = min(now + lifetimes.idle, row.expires_at)


async def renew(
    session: AsyncSession, session_id: UUID, *, lifetimes: Lifetimes, now: datetime
) -> RenewedSession:
    """For a browser's session. Raises RefreshInvalid."""
    with counted(SESSION_RENEWALS, "browser"):
        return await _renew(session, session_id, lifetimes=lifetimes, now=now)


async def _renew(
    session: AsyncSession, session_id: UUID, *, lifetimes: Lifetimes, now: datetime
) -> RenewedSession:
    row = await lock_session(session, session_id)
    user = await session.get(User, row.user_id) if row else None
    if row is None or user is None or not user.is_active or not is_live(row, now):
        raise RefreshInvalid
    touch(row, lifetimes=lifetimes, now=now)
    return RenewedSession(user, row)


async def revoke_family(
    database: Database, token: str, action: Action, *, client_info: ClientInfo, now: datetime
) -> None:
    """Ends the session of a refresh token, used or not; an unknown token is ignored."""
    async with database.transaction() as session:
        found = await find_refresh_token(session, hash_token(token))
        if found is not None:
            await revoke(session, found.session_id, action, client_info=client_info, now=now)


async def revoke(
    session: AsyncSession,
    session_id: UUID,
    action: Action,
    *,
    client_info: ClientInfo,
    now: datetime,
) -> None:
    row = await lock_session(session, session_id)
    if row is not None and row.revoked_at is None:
        row.revoked_at = now
        record(session, action, user_id=row.user_id, client_info=client_info)


async def revoke_own(
    session: AsyncSession,
    session_id: UUID,
    *,
    user_id: UUID,
    client_info: ClientInfo,
    now: datetime,
) -> None:
    """Raises NotFound for a session of somebody else."""
    row = await lock_session(session, session_id)
    if row is None or row.user_id != user_id:
        raise NotFound
    await revoke(session, session_id, Action.SIGNED_OUT, client_info=client_info, now=now)


async def sign_out_elsewhere(
    session: AsyncSession, principal: Person, *, client_info: ClientInfo, now: datetime
) -> None:
    """Ends every other session, and voids links and the pending address. Raises NotAuthenticated."""
    user = await lock_user(session, principal.user_id)
    if user is None:
        raise NotAuthenticated
    void_links_and_pending_email(user)
    await revoke_all(session, user.id, now=now, keep_session_id=principal.session_id)
    record(session, Action.SIGNED_OUT_ELSEWHERE, user_id=user.id, client_info=client_info)


async def revoke_all(
    session: AsyncSession, user_id: UUID, *, now: datetime, keep_session_id: str | None = None
) -> None:
    """Ends every session of an account; ``keep_session_id`` is the one that stays."""
    statement = (
        update(UserSession)
        .where(col(UserSession.user_id) == user_id, col(UserSession.revoked_at).is_(None))
        .values(revoked_at=now)
    )
    if keep_session_id is not None:
        statement = statement.where(col(UserSession.id) != UUID(keep_session_id))
    await session.execute(statement)

"""The account of the smoke test: it books a seat of a hidden event after each deployment.

Nobody can sign in to it, and no mail lets anybody choose a password for it: whoever has a shell in the
container gets an access token of it by a command, which is audited.
"""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.addresses import InvalidAddress, parse_address
from auth_service.audit.service import Action, record
from auth_service.client_info import ClientInfo
from auth_service.identity.credentials import NO_PASSWORD
from auth_service.identity.queries import find_by_email
from auth_service.keys.ring import KeyRing
from auth_service.keys.tokens import TokenIssuer
from auth_service.models import User, UserSession
from auth_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.database.cli import CommandFailed
from service_kit.database.engine import Database

# Without SMOKE_EMAIL. No mail server delivers to ``.invalid`` (RFC 2606): the smoke test asks for no mail.
NO_MAILBOX = "smoke@parterre.invalid"
NAME = "Smoke test"
# Advisory lock: two deployments must not make two accounts.
SMOKE_LOCK = 7_274_202_613


async def issue_smoke_token(
    database: Database, settings: Settings, email: str, *, actor: str
) -> str:
    """An access token of the smoke account, which is made first if there is none. It is valid for
    ``access_token_seconds``, and so is its session. Raises CommandFailed.

    There is one such account: another ``email`` than before becomes its address. Empty means an address
    that gets no mail.
    """
    address = _read_address(email)
    now = utc_now()
    async with database.transaction() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SMOKE_LOCK})
        user = await _find_or_add(session, address, actor=actor, now=now)
        row = await _open_session(
            session, user, lifetime=timedelta(seconds=settings.access_token_seconds), now=now
        )
        details = {"kind": "token", "purpose": "smoke test"}
        record(
            session,
            Action.SIGNED_IN,
            user_id=user.id,
            client_info=ClientInfo(),
            actor=actor,
            details=details,
        )
    ring = KeyRing(database, settings)
    try:
        return await TokenIssuer(ring, settings).for_user(user, row)
    finally:
        await ring.close()


def _read_address(email: str) -> str:
    if not email.strip():
        return NO_MAILBOX
    try:
        return parse_address(email).display
    except InvalidAddress as error:
        raise CommandFailed(
            f"the address {error}; give the address of a mailbox of yours"
        ) from None


async def _find_or_add(session: AsyncSession, address: str, *, actor: str, now: datetime) -> User:
    found = await session.exec(
        select(User)
        .where(User.hashed_password == NO_PASSWORD)
        .order_by(col(User.id))
        .limit(1)
        .with_for_update()
    )
    user = found.one_or_none()
    owner = await find_by_email(session, address)
    if owner is not None and (user is None or owner.id != user.id):
        raise CommandFailed(
            f"{address} is somebody's account; give SMOKE_EMAIL one without, such as ops+smoke@..."
        )
    if user is None:
        user = User(email=address, hashed_password=NO_PASSWORD, full_name=NAME, is_verified=True)
        session.add(user)
        record(session, Action.REGISTERED, user_id=user.id, client_info=ClientInfo(), actor=actor)
    if not user.is_active:
        raise CommandFailed("the smoke account was deactivated by a superuser; activate it again")
    if (user.email, user.is_superuser, user.is_verified) != (address, False, True):
        user.email, user.is_superuser, user.is_verified = address, False, True
        user.updated_at = now
    await session.flush()
    return user


async def _open_session(
    session: AsyncSession, user: User, *, lifetime: timedelta, now: datetime
) -> UserSession:
    """Without a refresh token: it ends when its access token does."""
    row = UserSession(
        user_id=user.id,
        kind="token",
        created_at=now,
        last_used_at=now,
        expires_at=now + lifetime,
        idle_at=now + lifetime,
    )
    session.add(row)
    await session.flush()
    return row

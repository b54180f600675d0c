"""One way in for programs and browsers: e-mail address and password."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.models import User, UserSession
from auth_service.sessions.passwords import PasswordChecks
from auth_service.sessions.service import Kind, Lifetimes, open_session
from auth_service.visitor import Visitor
from service_kit.clock import utc_now


@dataclass(frozen=True, slots=True)
class Credentials:
    username: str
    password: str
    # Who sends them, if that is known already.
    signed_in_as: UUID | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    user: User
    session: UserSession


async def sign_in(
    session: AsyncSession,
    checks: PasswordChecks,
    credentials: Credentials,
    *,
    kind: Kind,
    visitor: Visitor,
    lifetimes: Lifetimes,
) -> SignedIn:
    """Raises BadCredentials or LockedOut."""
    checked = await checks.check(
        credentials.username,
        credentials.password,
        visitor=visitor,
        signed_in_as=credentials.signed_in_as,
    )
    user = await checks.accept(session, checked)
    row = await open_session(
        session, user, kind=kind, visitor=visitor, lifetimes=lifetimes, now=utc_now()
    )
    return SignedIn(user, row)

"""Sign-in with e-mail address and password, for programs and browsers."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.client_info import ClientInfo
from auth_service.metrics import SIGN_INS, counted
from auth_service.models import User, UserSession
from auth_service.sessions.passwords import PasswordChecks
from auth_service.sessions.service import Kind, Lifetimes, open_session
from service_kit.clock import utc_now


@dataclass(frozen=True, slots=True)
class Credentials:
    username: str
    password: str
    # The account of the token that came with the request, if any.
    signed_in_as: UUID | None = None


@dataclass(frozen=True, slots=True)
class SignInResult:
    user: User
    session: UserSession


async def sign_in(
    session: AsyncSession,
    checks: PasswordChecks,
    credentials: Credentials,
    *,
    kind: Kind,
    client_info: ClientInfo,
    lifetimes: Lifetimes,
) -> SignInResult:
    """Raises BadCredentials or LockedOut."""
    with counted(SIGN_INS, kind):
        return await _sign_in(
            session, checks, credentials, kind=kind, client_info=client_info, lifetimes=lifetimes
        )


async def _sign_in(
    session: AsyncSession,
    checks: PasswordChecks,
    credentials: Credentials,
    *,
    kind: Kind,
    client_info: ClientInfo,
    lifetimes: Lifetimes,
) -> SignInResult:
    checked = await checks.check(
        credentials.username,
        credentials.password,
        client_info=client_info,
        signed_in_as=credentials.signed_in_as,
    )
    user = await checks.accept(session, checked)
    row = await open_session(
        session, user, kind=kind, client_info=client_info, lifetimes=lifetimes, now=utc_now()
    )
    return SignInResult(user, row)

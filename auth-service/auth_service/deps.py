"""The dependencies of the handlers.

All are ``async``: FastAPI would run a plain function in a thread, for each request.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request

from auth_service.accounts.manager import UserManager
from auth_service.client_info import ClientInfoDep
from auth_service.erasures.organizers import OrganizerClient
from auth_service.identity.hashing import Hasher
from auth_service.identity.queries import get_user
from auth_service.keys.ring import KeyRing
from auth_service.keys.tokens import TokenIssuer
from auth_service.models import User
from auth_service.sessions.passwords import PasswordChecks
from auth_service.sessions.service import Lifetimes
from auth_service.settings import Settings
from service_kit.database.engine import SessionDep
from service_kit.problems import NotAuthenticated, NotFound
from service_kit.web.auth import CurrentUser
from service_kit.web.deps import get_settings


async def no_store(request: Request) -> None:
    """For responses with tokens or personal data: no cache may store them."""
    request.state.response_headers["Cache-Control"] = "no-store"


NoStore = Depends(no_store)


async def get_key_ring(request: Request) -> KeyRing:
    ring: KeyRing = request.app.state.key_ring
    return ring


async def get_issuer(request: Request) -> TokenIssuer:
    issuer: TokenIssuer = request.app.state.token_issuer
    return issuer


async def get_password_checks(request: Request) -> PasswordChecks:
    checks: PasswordChecks = request.app.state.password_checks
    return checks


async def get_organizers(request: Request) -> OrganizerClient:
    organizers: OrganizerClient = request.app.state.organizers
    return organizers


SettingsDep = Annotated[Settings, Depends(get_settings)]
KeyRingDep = Annotated[KeyRing, Depends(get_key_ring)]
IssuerDep = Annotated[TokenIssuer, Depends(get_issuer)]
PasswordChecksDep = Annotated[PasswordChecks, Depends(get_password_checks)]
OrganizersDep = Annotated[OrganizerClient, Depends(get_organizers)]


async def get_lifetimes(settings: SettingsDep) -> Lifetimes:
    return Lifetimes(
        idle=timedelta(days=settings.session_idle_days),
        absolute=timedelta(days=settings.session_days),
    )


async def get_manager(
    request: Request, session: SessionDep, settings: SettingsDep, client_info: ClientInfoDep
) -> UserManager:
    hasher: Hasher = request.app.state.hasher
    return UserManager(session, settings, hasher, client_info)


async def get_account(principal: CurrentUser, session: SessionDep) -> User:
    try:
        return await get_user(session, principal.user_id)
    except NotFound:
        raise NotAuthenticated from None


LifetimesDep = Annotated[Lifetimes, Depends(get_lifetimes)]
ManagerDep = Annotated[UserManager, Depends(get_manager)]
CurrentAccount = Annotated[User, Depends(get_account)]

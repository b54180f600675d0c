"""The dependencies of handlers of accounts. All are ``async``, as in ``auth_service.deps``."""

from typing import Annotated

from fastapi import Depends, Request

from auth_service.accounts.manager import UserManager
from auth_service.client_info import ClientInfoDep
from auth_service.deps import SettingsDep
from auth_service.erasures.organizers import OrganizerClient
from auth_service.identity.hashing import Hasher
from auth_service.identity.queries import get_user
from auth_service.models import User
from service_kit.database.engine import SessionDep
from service_kit.problems import NotAuthenticated, NotFound
from service_kit.web.auth import CurrentUser


async def get_organizers(request: Request) -> OrganizerClient:
    organizers: OrganizerClient = request.app.state.organizers
    return organizers


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


OrganizersDep = Annotated[OrganizerClient, Depends(get_organizers)]
ManagerDep = Annotated[UserManager, Depends(get_manager)]
CurrentAccount = Annotated[User, Depends(get_account)]

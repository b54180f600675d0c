"""/users/me: the account of the signed-in user."""

from typing import Annotated

from fastapi import Body

from auth_service.accounts import profile
from auth_service.accounts.deps import CurrentAccount, ManagerDep, OrganizersDep
from auth_service.accounts.schemas import Erasure, Profile, ProfileChanges
from auth_service.deps import NoStore
from auth_service.problems import BadCredentials, EmailTaken, LockedOut, OrganizerHasEvents
from auth_service.sessions.deps import PasswordChecksDep
from service_kit.problems import NotAuthenticated, problem_responses
from service_kit.web.auth import CurrentUser, Router

router = Router(prefix="/api/v1/users/me", tags=["account"], dependencies=[NoStore])


@router.get("", summary="Your account", responses=problem_responses(NotAuthenticated))
async def get_own_account(user: CurrentAccount) -> Profile:
    return Profile.model_validate(user)


@router.patch(
    "",
    summary="Change your account",
    description=(
        "A new password or address asks for `current_password`. A new password ends your other "
        "sessions. A new address stays `pending_email` until the token of the mail sent there "
        "comes to `/auth/verify`."
    ),
    responses=problem_responses(BadCredentials, NotAuthenticated, EmailTaken, LockedOut),
)
async def update_own_account(
    body: ProfileChanges, user: CurrentUser, manager: ManagerDep, checks: PasswordChecksDep
) -> Profile:
    return Profile.model_validate(await profile.change_own_account(manager, checks, user, body))


@router.delete(
    "",
    status_code=204,
    summary="Erase your account",
    description=(
        "Your name and addresses are forgotten everywhere; bookings stay countable. Published events "
        "that have not ended must be cancelled first."
    ),
    responses=problem_responses(BadCredentials, NotAuthenticated, LockedOut, OrganizerHasEvents),
)
async def erase_own_account(
    user: CurrentUser,
    manager: ManagerDep,
    checks: PasswordChecksDep,
    organizers: OrganizersDep,
    body: Annotated[Erasure, Body()] = Erasure(),  # noqa: B008
) -> None:
    await profile.erase_own_account(
        manager, checks, organizers, user.user_id, body.current_password
    )

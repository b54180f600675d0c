"""Registration, verification of an address, and password resets."""

from auth_service.accounts import service
from auth_service.accounts.deps import ManagerDep
from auth_service.accounts.schemas import (
    AddressForm,
    Profile,
    Registration,
    ResetForm,
    UserRead,
    VerificationForm,
)
from auth_service.client_info import ClientInfoDep
from auth_service.deps import NoStore
from auth_service.mails.requests import request_mail
from auth_service.problems import AlreadyVerified, BadToken, EmailTaken
from service_kit.database.engine import SessionDep
from service_kit.problems import problem_responses
from service_kit.web.auth import Router
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/auth", tags=["registration"], dependencies=[NoStore])


@router.post(
    "/register",
    status_code=201,
    summary="Create an account",
    responses=problem_responses(EmailTaken),
)
@limited("register")
async def register(body: Registration, manager: ManagerDep) -> UserRead:
    return UserRead.model_validate(await service.register(manager, body))


@router.post(
    "/request-verify-token",
    status_code=202,
    summary="Request another verification mail",
    description="The answer is the same for every address, whether or not there is an account.",
)
@limited("mail")
async def request_verify_token(
    body: AddressForm, session: SessionDep, client_info: ClientInfoDep
) -> None:
    await request_mail(session, "verify-email", body.email, client_info=client_info)


@router.post(
    "/verify",
    summary="Verify an address with the token from a mail",
    responses=problem_responses(BadToken, AlreadyVerified, EmailTaken),
)
@limited("link")
async def verify(body: VerificationForm, manager: ManagerDep) -> Profile:
    return Profile.model_validate(await service.verify(manager, body.token))


@router.post(
    "/forgot-password",
    status_code=202,
    summary="Request a mail to set a new password",
    description="The answer is the same for every address, whether or not there is an account.",
)
@limited("mail")
async def forgot_password(
    body: AddressForm, session: SessionDep, client_info: ClientInfoDep
) -> None:
    await request_mail(session, "reset-password", body.email, client_info=client_info)


@router.post(
    "/reset-password",
    summary="Set a new password with the token from a mail",
    description="Every session ends, on every device.",
    responses=problem_responses(BadToken),
)
@limited("link")
async def reset_password(body: ResetForm, manager: ManagerDep) -> None:
    await service.reset_password(manager, body.token, body.password)

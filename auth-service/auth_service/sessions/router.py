"""Sign-in and sign-out for programs: an access token and a refresh token."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Form, Request

from auth_service.audit.service import Action
from auth_service.client_info import ClientInfoDep
from auth_service.deps import NoStore
from auth_service.identity.fields import Password, TypedAddress
from auth_service.keys.deps import IssuerDep
from auth_service.problems import BadCredentials, LockedOut, RefreshInvalid, RefreshReused
from auth_service.sessions import service
from auth_service.sessions.deps import LifetimesDep, PasswordChecksDep
from auth_service.sessions.forms import REFRESH_BODY, RefreshBody
from auth_service.sessions.schemas import RefreshForm, TokenPair
from auth_service.sessions.signin import Credentials, sign_in
from service_kit.clock import utc_now
from service_kit.database.engine import DatabaseDep, SessionDep
from service_kit.problems import problem_responses
from service_kit.web.auth import Router
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/auth", tags=["sign-in"], dependencies=[NoStore])


async def get_credentials(
    request: Request,
    username: Annotated[TypedAddress, Form(examples=["ann@example.com"])],
    password: Annotated[Password, Form(json_schema_extra={"format": "password"})],
    grant_type: Annotated[str | None, Form(pattern="^password$", max_length=20)] = None,
) -> Credentials:
    """The form of OAuth 2's password grant (RFC 6749, 4.3.2)."""
    principal = request.state.principal
    known: UUID | None = principal.user_id if principal else None
    return Credentials(username, password, signed_in_as=known)


CredentialsForm = Annotated[Credentials, Depends(get_credentials)]


@router.post(
    "/login",
    summary="Sign in with e-mail and password",
    responses=problem_responses(BadCredentials, LockedOut),
)
@limited("login")
async def login(
    credentials: CredentialsForm,
    session: SessionDep,
    checks: PasswordChecksDep,
    issuer: IssuerDep,
    client_info: ClientInfoDep,
    lifetimes: LifetimesDep,
) -> TokenPair:
    found = await sign_in(
        session, checks, credentials, kind="token", client_info=client_info, lifetimes=lifetimes
    )
    return TokenPair(
        access_token=await issuer.for_user(found.user, found.session),
        expires_in=issuer.lifetime_seconds,
        refresh_token=service.add_refresh_token(session, found.session, now=utc_now()),
    )


@router.post(
    "/refresh",
    summary="Exchange a refresh token for a new pair",
    description="As JSON, or as the form that OAuth 2 clients send (RFC 6749, 6).",
    responses=problem_responses(RefreshInvalid, RefreshReused),
    openapi_extra=REFRESH_BODY,
)
@limited("refresh")
async def refresh(
    body: RefreshBody,
    database: DatabaseDep,
    issuer: IssuerDep,
    client_info: ClientInfoDep,
    lifetimes: LifetimesDep,
) -> TokenPair:
    renewed = await service.refresh(
        database, body.refresh_token, client_info=client_info, lifetimes=lifetimes, now=utc_now()
    )
    return TokenPair(
        access_token=await issuer.for_user(renewed.user, renewed.session),
        expires_in=issuer.lifetime_seconds,
        refresh_token=renewed.refresh_token,
    )


@router.post("/logout", status_code=204, summary="End the session of a refresh token")
@limited("refresh")
async def logout(body: RefreshForm, database: DatabaseDep, client_info: ClientInfoDep) -> None:
    await service.revoke_family(
        database, body.refresh_token, Action.SIGNED_OUT, client_info=client_info, now=utc_now()
    )

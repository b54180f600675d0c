"""Sign-in and sign-out for browsers: a cookie that scripts cannot read, and a CSRF token."""

from fastapi import Response

from auth_service.audit.service import Action
from auth_service.client_info import ClientInfoDep
from auth_service.deps import NoStore, SettingsDep
from auth_service.keys.deps import IssuerDep
from auth_service.problems import BadCredentials, LockedOut, RefreshInvalid
from auth_service.sessions import service
from auth_service.sessions.cookies import (
    BrowserSession,
    OwnPage,
    clear_cookies,
    new_csrf_token,
    session_id_of,
    set_csrf_cookie,
    set_session_cookie,
)
from auth_service.sessions.deps import LifetimesDep, PasswordChecksDep
from auth_service.sessions.router import CredentialsForm
from auth_service.sessions.signin import sign_in
from service_kit.clock import utc_now
from service_kit.database.engine import SessionDep
from service_kit.problems import CsrfFailed, NotAuthenticated, problem_responses
from service_kit.web.auth import Router, csrf_claim
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/auth/session", tags=["browser sign-in"], dependencies=[NoStore])


@router.post(
    "",
    status_code=204,
    summary="Sign in a browser",
    responses=problem_responses(BadCredentials, CsrfFailed, LockedOut),
    dependencies=[OwnPage],
)
@limited("login")
async def open_browser_session(
    credentials: CredentialsForm,
    response: Response,
    session: SessionDep,
    checks: PasswordChecksDep,
    issuer: IssuerDep,
    settings: SettingsDep,
    client_info: ClientInfoDep,
    lifetimes: LifetimesDep,
) -> None:
    found = await sign_in(
        session, checks, credentials, kind="browser", client_info=client_info, lifetimes=lifetimes
    )
    csrf_token, ends = new_csrf_token(), found.session.expires_at
    token = await issuer.for_user(found.user, found.session, csrf=csrf_claim(csrf_token))
    set_session_cookie(response, settings, token, expires_at=ends)
    set_csrf_cookie(response, settings, csrf_token, expires_at=ends)


@router.post(
    "/renew",
    status_code=204,
    summary="Renew the token in the session cookie",
    responses=problem_responses(NotAuthenticated, CsrfFailed, RefreshInvalid),
)
@limited("refresh")
async def renew_browser_session(
    principal: BrowserSession,
    response: Response,
    session: SessionDep,
    issuer: IssuerDep,
    settings: SettingsDep,
    lifetimes: LifetimesDep,
) -> None:
    renewed = await service.renew(
        session, session_id_of(principal), lifetimes=lifetimes, now=utc_now()
    )
    token = await issuer.for_user(renewed.user, renewed.session, csrf=principal.csrf)
    set_session_cookie(response, settings, token, expires_at=renewed.session.expires_at)


@router.delete(
    "",
    status_code=204,
    summary="Sign out a browser",
    responses=problem_responses(NotAuthenticated, CsrfFailed),
)
async def close_browser_session(
    principal: BrowserSession,
    response: Response,
    session: SessionDep,
    settings: SettingsDep,
    client_info: ClientInfoDep,
) -> None:
    session_id = session_id_of(principal)
    await service.revoke(
        session, session_id, Action.SIGNED_OUT, client_info=client_info, now=utc_now()
    )
    clear_cookies(response, settings)

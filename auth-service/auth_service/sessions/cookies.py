"""The session cookie and the CSRF cookie of a browser.

The session cookie contains an access token, so that every service verifies it by itself. The browser
keeps it as long as the session may last: a page renews an expired token.
"""

import secrets
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from auth_service.sessions.verifier import SessionVerifier
from auth_service.settings import Settings
from service_kit.problems import NotAuthenticated
from service_kit.web.auth import check_csrf, refuse_foreign_page, session_cookie_name
from service_kit.web.tokens import InvalidToken, Principal

CSRF_COOKIE = "csrf_token"


def new_csrf_token() -> str:
    return secrets.token_urlsafe(32)


def set_session_cookie(
    response: Response, settings: Settings, token: str, *, expires_at: datetime
) -> None:
    _set(response, settings, session_cookie_name(settings), token, expires_at, is_readable=False)


def set_csrf_cookie(
    response: Response, settings: Settings, token: str, *, expires_at: datetime
) -> None:
    _set(response, settings, CSRF_COOKIE, token, expires_at, is_readable=True)


def _set(
    response: Response,
    settings: Settings,
    name: str,
    value: str,
    expires_at: datetime,
    *,
    is_readable: bool,
) -> None:
    response.set_cookie(
        name,
        value,
        expires=expires_at,
        path="/",
        secure=not settings.is_development,
        httponly=not is_readable,
        samesite="lax",
    )


def clear_cookies(response: Response, settings: Settings) -> None:
    secure = not settings.is_development
    for name in (session_cookie_name(settings), CSRF_COOKIE):
        response.delete_cookie(
            name, path="/", secure=secure, httponly=name != CSRF_COOKIE, samesite="lax"
        )


async def require_browser_session(request: Request) -> Principal:
    """The session of the cookie, even if its token has expired. Raises NotAuthenticated or
    CsrfFailed."""
    settings: Settings = request.app.state.settings
    verifier: SessionVerifier = request.app.state.token_verifier
    try:
        principal = await verifier.verify_ended(
            request.cookies.get(session_cookie_name(settings), "")
        )
    except InvalidToken:
        raise NotAuthenticated("There is no session, or it has ended.") from None
    check_csrf(request, principal, settings)
    return principal


async def refuse_foreign_sign_in(request: Request) -> None:
    """Prevents login CSRF: another site must not sign a browser in to its own account."""
    refuse_foreign_page(request, request.app.state.settings)


BrowserSession = Annotated[Principal, Depends(require_browser_session)]
OwnPage = Depends(refuse_foreign_sign_in)


def session_id_of(principal: Principal) -> UUID:
    if principal.session_id is None:
        raise NotAuthenticated
    return UUID(principal.session_id)

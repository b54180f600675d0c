"""Who may come in: rate limit, then who you are, then what you sent.

Every router uses ``Route``, so that no endpoint can be without a limit, and a request without a
token hears 401 before its body is read.
"""

import hashlib
import hmac
import inspect
from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from service_kit.problems import (
    CsrfFailed,
    Forbidden,
    NotAuthenticated,
    Problem,
    Unavailable,
)
from service_kit.settings import ServiceSettings
from service_kit.web.rate_limits import RateLimits
from service_kit.web.requests import (
    BoundedRequest,
    refuse_unbounded_parts,
    takes_long_body,
)
from service_kit.web.tokens import InvalidToken, KeysUnavailable, Person, Principal, TokenVerifier

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def session_cookie_name(settings: ServiceSettings) -> str:
    """``__Host-`` makes browsers refuse the cookie from a subdomain or without TLS; development
    has no TLS."""
    return "parterre_session" if settings.is_development else "__Host-parterre_session"


async def identify(request: Request) -> None:
    """Sets ``request.state.principal`` and, where a token was sent in vain, ``refusal``."""
    request.state.principal = None
    request.state.refusal = None
    settings: ServiceSettings = request.app.state.settings
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    cookie = request.cookies.get(session_cookie_name(settings))
    by_cookie = not scheme and cookie is not None
    token = cookie if by_cookie else credentials.strip()
    if by_cookie or scheme.lower() == "bearer":
        request.state.principal = await _principal(request, token or "")
    elif scheme and scheme.lower() != "basic":
        request.state.refusal = NotAuthenticated("Only bearer tokens are taken.")
    if by_cookie and request.state.principal and request.method not in SAFE_METHODS:
        check_csrf(request, request.state.principal, settings)


async def _principal(request: Request, token: str) -> Principal | None:
    verifier: TokenVerifier = request.app.state.token_verifier
    try:
        settings: ServiceSettings = request.app.state.settings
        if len(token) > settings.max_header_bytes:
            raise InvalidToken("too long")
        principal = await verifier.verify(token)
        if principal.user_id not in request.app.state.erased_users:
            return principal
        request.state.refusal = NotAuthenticated("The account has been erased.")
    except InvalidToken:
        request.state.refusal = NotAuthenticated("The token is not valid, or no longer.")
    except KeysUnavailable:
        request.state.refusal = Unavailable("Sign-in cannot be checked at the moment; try again.")
    return None


def csrf_claim(csrf_token: str) -> str:
    """What a session's token says of its CSRF token: its hash, so that neither gives the other."""
    return hashlib.sha256(csrf_token.encode()).hexdigest()


def check_csrf(request: Request, principal: Principal, settings: ServiceSettings) -> None:
    """Raises CsrfFailed unless the request carries this very session's CSRF token and, where the
    browser says where it comes from, comes from one of our pages."""
    sent = csrf_claim(request.headers.get("x-csrf-token", ""))
    if not principal.csrf or not hmac.compare_digest(sent, principal.csrf):
        raise CsrfFailed("X-CSRF-Token is missing or belongs to another session.")
    refuse_foreign_page(request, settings)


def refuse_foreign_page(request: Request, settings: ServiceSettings) -> None:
    """Raises CsrfFailed where the browser says that a page of somebody else sends the request."""
    origin = request.headers.get("origin")
    if origin is not None:
        public = urlsplit(settings.public_url)
        ours = {f"{public.scheme}://{public.netloc}", *settings.cors_origins}
        ours.add(f"{request.url.scheme}://{request.url.netloc}")
        if origin not in ours:
            raise CsrfFailed("The request comes from a foreign page.")
    elif request.headers.get("sec-fetch-site") == "cross-site":
        raise CsrfFailed("The request comes from a foreign page.")


async def find_principal(request: Request) -> Principal | None:
    """None if nobody signed in; a token that is not valid is refused all the same."""
    refusal: Exception | None = request.state.refusal
    if refusal is not None:
        raise refusal
    principal: Principal | None = request.state.principal
    return principal


async def require_principal(request: Request) -> Principal:
    principal = await find_principal(request)
    if principal is None:
        raise NotAuthenticated
    return principal


# These two ask by themselves: on the hottest paths FastAPI takes longer over a dependency of a
# dependency than they do over all.


async def require_user(request: Request) -> Person:
    principal = await require_principal(request)
    if not isinstance(principal, Person):
        raise Forbidden("This is for people, not for services.")
    return principal


async def find_user(request: Request) -> Person | None:
    principal = await find_principal(request)
    return principal if isinstance(principal, Person) else None


async def require_superuser(user: Annotated[Person, Depends(require_user)]) -> Person:
    if not user.is_superuser:
        raise Forbidden
    return user


def require_scope(scope: str) -> Any:
    """A dependency: the caller is a service that was given ``scope``."""

    async def check(principal: Annotated[Principal, Depends(require_principal)]) -> Principal:
        if scope not in principal.scopes:
            raise Forbidden(f"This needs the scope {scope}.")
        return principal

    return Depends(check)


CurrentUser = Annotated[Person, Depends(require_user)]
OptionalUser = Annotated[Person | None, Depends(find_user)]
Superuser = Annotated[Person, Depends(require_superuser)]


class SharedResponse(Response):
    """An answer that is the same for everybody, and says itself how it may be kept. Any other answer to
    somebody who is signed in is personal: no cache keeps it."""


class Route(APIRoute):
    """A route that limits, then identifies, and only then reads the request."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        needs_principal = any(
            calls(self.dependant, function) for function in (require_principal, require_user)
        )
        refuse_threads(self.dependant)
        is_long = takes_long_body(self.endpoint)

        async def admit(request: Request) -> Response:
            request = BoundedRequest(request.scope, request.receive)
            request.takes_long_body = is_long
            limits: RateLimits = request.app.state.rate_limits
            forgery: CsrfFailed | None = None
            request.state.needs_principal = needs_principal
            try:
                await identify(request)
            except CsrfFailed as problem:
                forgery = problem
            try:
                await limits.check(request=request)
            finally:
                request.state.response_headers.update(limits.headers(request))
            if forgery:
                raise forgery
            if needs_principal:
                await require_principal(request)
            refuse_unbounded_parts(request.scope, request.app.state.settings)
            response = await handle(request)
            if request.state.principal is not None and not isinstance(response, SharedResponse):
                response.headers["Cache-Control"] = "no-store"
            return response

        return admit


def policy_problems(dependant: Dependant, method: str) -> list[type[Problem]]:
    """Whom a route refuses before its endpoint is asked: by its dependencies, and by its method."""
    asks_who = (find_principal, find_user, require_principal, require_user)
    found: list[type[Problem]] = []
    if any(calls(dependant, function) for function in asks_who):
        found.append(NotAuthenticated)
    if calls(dependant, require_user):
        found.append(Forbidden)
    if method not in SAFE_METHODS:
        found.append(CsrfFailed)
    return found


def calls(dependant: Dependant, function: Callable[..., Any]) -> bool:
    """Whether ``function`` is among a route's dependencies, however deep."""
    return dependant.call is function or any(
        calls(inner, function) for inner in dependant.dependencies
    )


def refuse_threads(dependant: Dependant) -> None:
    """Raises TypeError for what FastAPI would hand to a thread: that costs every request more than
    all else that is done before its endpoint."""
    if not _is_async(dependant.call):
        raise TypeError(f"{dependant.call} would wait for a thread; make it async.")
    for inner in dependant.dependencies:
        refuse_threads(inner)


def _is_async(call: Any) -> bool:
    function = inspect.unwrap(call)
    if not inspect.isroutine(function):
        function = type(function).__call__
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


class Router(APIRouter):
    """The APIRouter of every service."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=Route, **options)

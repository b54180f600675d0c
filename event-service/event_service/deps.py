"""The dependencies of handlers: a handler's signature shows who may do what."""

from typing import Annotated

from fastapi import Depends, Header, Request

from event_service.problems import EmailNotVerified
from event_service.settings import Settings
from service_kit.database.engine import DatabaseDep
from service_kit.messaging.service_client import ServiceClient, ServiceUnavailable
from service_kit.problems import InvalidRequest, Unavailable
from service_kit.web.auth import CurrentUser, OptionalUser
from service_kit.web.deps import get_settings
from service_kit.web.paging import PagingDep
from service_kit.web.tokens import Person

__all__ = [
    "CurrentUser",
    "DatabaseDep",
    "EventVersion",
    "IdempotencyKeyHeader",
    "IfMatch",
    "IfNoneMatch",
    "OptionalUser",
    "PagingDep",
    "SettingsDep",
    "VerifiedUser",
]


MAX_IDEMPOTENCY_KEY = 255
# A cache between us and a browser may send several entity tags.
MAX_ETAGS = 2_000


async def get_idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            max_length=MAX_IDEMPOTENCY_KEY,
            description="Up to 255 visible characters. A request with a known key returns its booking.",
        ),
    ] = None,
) -> str | None:
    if idempotency_key is None:
        return None
    if not idempotency_key or not all("!" <= c <= "~" for c in idempotency_key):
        raise InvalidRequest.field("Idempotency-Key", "1 to 255 visible ASCII characters.")
    return idempotency_key


async def get_if_match(
    if_match: Annotated[
        str | None,
        Header(
            max_length=MAX_ETAGS, description="The ETag that you read; only its version counts."
        ),
    ] = None,
) -> int | None:
    """The version in ``If-Match``; None without the header or with ``*``."""
    if if_match is None or if_match.strip() == "*":
        return None
    version = if_match.strip().removeprefix("W/").strip('"').partition("-")[0]
    if not (version.isascii() and version.isdigit()) or len(version) > 9:
        raise InvalidRequest.field("If-Match", "It is not an ETag of this resource.")
    return int(version)


async def get_event_version(
    request: Request,
    event_version: Annotated[
        str | None,
        Header(
            max_length=9,
            pattern="^[1-9][0-9]*$",
            description="The version of the event that you looked at; 409 if its price, time, place or hall "
            "has been changed since.",
        ),
    ] = None,
) -> int | None:
    if len(request.headers.getlist("Event-Version")) > 1:
        raise InvalidRequest.field("Event-Version", "One version at most.")
    return None if event_version is None else int(event_version)


async def require_verified(request: Request, user: CurrentUser) -> Person:
    """A token may be older than the verification of the address: then auth-service is asked."""
    if not user.is_verified:
        client: ServiceClient = request.app.state.service_client
        url = f"{request.app.state.settings.auth_service_url}/api/v1/users/{user.user_id}/contact"
        try:
            answer = await client.request("GET", url)
        except ServiceUnavailable:
            raise Unavailable("Your e-mail address cannot be checked at the moment.") from None
        if answer.status_code != 200 or not answer.json().get("is_verified"):
            raise EmailNotVerified
    return user


IfNoneMatch = Annotated[
    str | None,
    Header(
        max_length=MAX_ETAGS, description="The ETag that you have; 304 if it is still the same."
    ),
]
SettingsDep = Annotated[Settings, Depends(get_settings)]
IdempotencyKeyHeader = Annotated[str | None, Depends(get_idempotency_key)]
VerifiedUser = Annotated[Person, Depends(require_verified)]
EventVersion = Annotated[int | None, Depends(get_event_version)]
IfMatch = Annotated[int | None, Depends(get_if_match)]

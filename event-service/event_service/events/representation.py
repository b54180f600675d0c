"""Events as bytes, cached or not, each with the ETag of its content."""

import gzip
import hashlib
from uuid import UUID

from fastapi import Response
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.events.queries import get_event
from event_service.events.schemas import EventPublic
from service_kit.web.auth import SharedResponse
from service_kit.web.tokens import Person

HASH_CHARACTERS = 16
# Stands for the fields of an event. Two releases at a time have stored pages of their own: GraphQL,
# which reads pages, would not know the fields of the other.
FORM = hashlib.sha256(" ".join(EventPublic.model_fields).encode()).hexdigest()[:8]
# The best level takes three times as long for a twentieth less.
GZIP_LEVEL = 6


def encode_event(event: EventPublic) -> bytes:
    """The entity tag and the body in one value, so that a cache hit computes nothing."""
    return pack(event.model_dump_json().encode(), version=event.version)


def pack(body: bytes, *, version: int | None = None) -> bytes:
    """``"{version}-{content hash}"`` of an event, ``"{content hash}"`` of a list; then the body."""
    digest = hashlib.sha256(body).hexdigest()[:HASH_CHARACTERS]
    tag = f'"{version}-{digest}"' if version is not None else f'"{digest}"'
    return tag.encode() + b"\n" + body


def compress(packed: bytes) -> bytes:
    """The body by gzip, with a tag of its own: other bytes are another representation (RFC 9110, 8.8.3)."""
    tag, _, body = packed.partition(b"\n")
    return tag[:-1] + b'-gzip"\n' + gzip.compress(body, GZIP_LEVEL, mtime=0)


def respond(
    packed: bytes,
    if_none_match: str | None,
    *,
    is_personal: bool = False,
    is_compressed: bool | None = None,
    media_type: str = "application/json",
) -> Response:
    """304 if the client has the same content. Clients may cache public content, and revalidate it.

    ``is_compressed``: by ``compress``; None where there is one representation only.
    """
    response_class = Response if is_personal else SharedResponse
    tag, _, body = packed.partition(b"\n")
    headers = {"ETag": tag.decode(), "Cache-Control": "no-cache", "Vary": "Authorization, Cookie"}
    if is_compressed is not None:
        headers["Vary"] = "Accept-Encoding, Authorization, Cookie"
    if if_none_match is not None and _matches(if_none_match, headers["ETag"]):
        return response_class(status_code=304, headers=headers)
    if is_compressed:
        headers["Content-Encoding"] = "gzip"
    return response_class(body, headers=headers, media_type=media_type)


def _matches(if_none_match: str, tag: str) -> bool:
    candidates = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return "*" in candidates or tag in candidates


async def event_response(
    session: AsyncSession, event_id: UUID, viewer: Person, status_code: int = 200
) -> Response:
    """The answer to a change: the event after it."""
    response = respond(
        encode_event(await get_event(session, event_id, viewer=viewer)), None, is_personal=True
    )
    response.status_code = status_code
    return response

"""Events as bytes: one form for what is cached and what is not, with an ETag of its content."""

import hashlib
from uuid import UUID

from fastapi import Response
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.events.queries import get_event
from event_service.events.schemas import EventPublic
from service_kit.web.auth import SharedResponse
from service_kit.web.tokens import Person

HASH_CHARACTERS = 16


def encode_event(event: EventPublic) -> bytes:
    """The body, led by its entity tag, so that a hit has nothing left to compute."""
    return pack(event.model_dump_json().encode(), version=event.version)


def pack(body: bytes, *, version: int | None = None) -> bytes:
    """``"{version}-{content hash}"`` of an event, ``"{content hash}"`` of a list; then the body."""
    digest = hashlib.sha256(body).hexdigest()[:HASH_CHARACTERS]
    tag = f'"{version}-{digest}"' if version is not None else f'"{digest}"'
    return tag.encode() + b"\n" + body


def respond(packed: bytes, if_none_match: str | None, *, is_personal: bool = False) -> Response:
    """304 if the client has these very bytes. Clients may keep what is the same for everybody, and ask
    each time."""
    answer = Response if is_personal else SharedResponse
    tag, _, body = packed.partition(b"\n")
    headers = {"ETag": tag.decode(), "Cache-Control": "no-cache", "Vary": "Authorization, Cookie"}
    if if_none_match is not None and _matches(if_none_match, headers["ETag"]):
        return answer(status_code=304, headers=headers)
    return answer(body, headers=headers, media_type="application/json")


def _matches(if_none_match: str, tag: str) -> bool:
    candidates = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return "*" in candidates or tag in candidates


async def event_response(
    session: AsyncSession, event_id: UUID, viewer: Person, status_code: int = 200
) -> Response:
    """What a change answers: the event as it is after it."""
    response = respond(
        encode_event(await get_event(session, event_id, viewer=viewer)), None, is_personal=True
    )
    response.status_code = status_code
    return response

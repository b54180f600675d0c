"""Who opens a door: whoever has its link, the event's organizer, and superusers."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request
from sqlalchemy import func, select, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.deps import OptionalUser
from event_service.events.queries import require_organizer, required_owner
from event_service.models import DoorLink, Event
from service_kit.problems import NotAuthenticated
from service_kit.web.tokens import Person

MAX_TOKEN = 100
# Scans from before the end may arrive so much later: there may be no network in a cellar.
LATE_SCANS = timedelta(hours=12)
INVALID = (
    "This door link is not valid: it was withdrawn, its event is over, or it is another event's."
)


@dataclass(frozen=True, slots=True)
class DoorKey:
    """What a request shows: a token, else a person."""

    token: str | None
    person: Person | None


@dataclass(frozen=True, slots=True)
class Door:
    """The event, and the link that opens its door; None for the organizer."""

    event: Event
    link: DoorLink | None


async def get_door_key(
    request: Request,
    user: OptionalUser,
    x_door_token: Annotated[
        str | None, Header(max_length=MAX_TOKEN, description="Of a door link.")
    ] = None,
) -> DoorKey:
    if x_door_token is None and user is None:
        raise NotAuthenticated
    # What a door sees is no more for a cache than what a person sees.
    request.state.response_headers["Cache-Control"] = "no-store"
    return DoorKey(x_door_token, None if x_door_token is not None else user)


DoorKeyDep = Annotated[DoorKey, Depends(get_door_key)]


def hash_token(token: str) -> str:
    """A token has 256 random bits: a plain hash cannot be tried out."""
    return hashlib.sha256(token.encode()).hexdigest()


async def open_door(
    session: AsyncSession,
    event_id: UUID,
    key: DoorKey,
    *,
    now: datetime,
    takes_late_scans: bool = False,
) -> Door:
    """Raises NotAuthenticated for a token that opens nothing (any more), else what ``require_organizer``
    does."""
    if key.token is None:
        assert key.person is not None
        return Door(await require_organizer(session, event_id, required_owner(key.person)), None)
    rows = await session.execute(
        select(Event, DoorLink)
        .join(DoorLink, col(DoorLink.event_id) == col(Event.id))
        .where(
            col(Event.id) == event_id,
            col(DoorLink.token_hash) == hash_token(key.token),
            col(DoorLink.withdrawn_at).is_(None),
        )
    )
    row = rows.one_or_none()
    patience = LATE_SCANS if takes_late_scans else timedelta(0)
    if row is None or row.Event.ends_at + patience <= now:
        raise NotAuthenticated(INVALID)
    return Door(row.Event, row.DoorLink)


async def note_use(session: AsyncSession, link_id: UUID) -> None:
    """At most once a minute: several phones may share a link."""
    last = col(DoorLink.last_used_at)
    await session.execute(
        update(DoorLink)
        .where(
            col(DoorLink.id) == link_id,
            last.is_(None) | (last < func.now() - timedelta(minutes=1)),
        )
        .values(last_used_at=func.now())
    )

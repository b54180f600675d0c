"""The links that an organizer gives out for the door of an event."""

import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.tickets import draw
from event_service.doors.access import hash_token
from event_service.doors.schemas import DoorLinkPublic, NewDoorLink
from event_service.erased_users import refuse_erased
from event_service.events.queries import require_organizer, required_owner
from event_service.models import DoorLink, Event
from event_service.problems import EventCancelled, TooManyDoorLinks
from event_service.rules import has_ended
from event_service.statuses import EventStatus
from service_kit.problems import InvalidRequest, NotFound
from service_kit.web.paging import Page, Paging
from service_kit.web.tokens import Person

MAX_LINKS = 100
TOKEN_BYTES = 32


async def create_link(
    session: AsyncSession,
    event_id: UUID,
    name: str,
    *,
    by: Person,
    now: datetime,
    public_url: str,
) -> NewDoorLink:
    """Raises EventCancelled, InvalidRequest for an event that has ended, TooManyDoorLinks."""
    event = await require_organizer(session, event_id, required_owner(by))
    await refuse_erased(session, by.user_id)
    if event.status == EventStatus.CANCELLED:
        raise EventCancelled
    if has_ended(event, now):
        raise InvalidRequest.field("ends_at", "The event has ended: nobody is admitted any more.")
    links = await session.scalar(
        select(func.count()).where(
            col(DoorLink.event_id) == event_id, col(DoorLink.withdrawn_at).is_(None)
        )
    )
    if (links or 0) >= MAX_LINKS:
        raise TooManyDoorLinks(f"An event has {MAX_LINKS} door links at most. Withdraw some first.")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    link = DoorLink(event_id=event_id, name=name, token_hash=hash_token(token), created_at=now)
    session.add(link)
    await session.flush()
    url = f"{public_url}/events/{event_id}/door#{token}"
    return NewDoorLink(
        **_public(link, event).model_dump(), token=token, url=url, qr_svg=draw(url).decode()
    )


async def list_links(
    session: AsyncSession, event_id: UUID, paging: Paging, *, by: Person
) -> Page[DoorLinkPublic]:
    """Newest first, with those that were withdrawn."""
    event = await require_organizer(session, event_id, required_owner(by))
    statement = select(DoorLink).where(col(DoorLink.event_id) == event_id)
    after = paging.after(UUID)
    if after is not None:
        statement = statement.where(col(DoorLink.id) < after[0])
    rows = await session.execute(
        statement.order_by(col(DoorLink.id).desc()).limit(paging.limit + 1)
    )
    shown, cursor = paging.page(rows.scalars().all(), lambda link: (link.id,))
    return Page(items=[_public(link, event) for link in shown], next_cursor=cursor)


async def withdraw_link(
    session: AsyncSession, event_id: UUID, link_id: UUID, *, by: Person, now: datetime
) -> None:
    """The link opens nothing from the commit on. Safe to repeat."""
    await require_organizer(session, event_id, required_owner(by))
    link = await session.get(DoorLink, link_id)
    if link is None or link.event_id != event_id:
        raise NotFound
    link.withdrawn_at = link.withdrawn_at or now
    await session.flush()


def _public(link: DoorLink, event: Event) -> DoorLinkPublic:
    return DoorLinkPublic(
        id=link.id,
        name=link.name,
        created_at=link.created_at,
        expires_at=event.ends_at,
        last_used_at=link.last_used_at,
        withdrawn_at=link.withdrawn_at,
    )

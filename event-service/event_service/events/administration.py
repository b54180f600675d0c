"""Events of everybody, for superusers: found in every status, and a line in the log for what they change."""

from typing import Annotated, Any
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.events.fields import SearchText
from event_service.events.queries import PUBLIC_COLUMNS, with_availability
from event_service.events.schemas import EventPublic
from event_service.events.search import read_search
from event_service.models import Event
from event_service.statuses import EventStatus
from service_kit.web.paging import Page, Paging
from service_kit.web.tokens import Person

log = structlog.get_logger()


class AllEventsQuery(BaseModel):
    model_config = ConfigDict(frozen=True)

    q: Annotated[
        SearchText | None, Field(description="As in the public list, or an event's id.")
    ] = None
    status: EventStatus | None = None
    organizer: UUID | None = None


async def list_all_events(
    session: AsyncSession, query: AllEventsQuery, paging: Paging
) -> Page[EventPublic]:
    """Drafts, cancelled, past and unlisted events too, the newest first. Raises InvalidRequest."""
    statement = select(*PUBLIC_COLUMNS)
    if query.status:
        statement = statement.where(col(Event.status) == query.status)
    if query.organizer:
        statement = statement.where(col(Event.organizer_id) == query.organizer)
    after = paging.after(UUID)
    if after is not None:
        statement = statement.where(col(Event.id) < after[0])
    if query.q:
        found = await _matching(session, statement, query.q)
        if found is None:
            return Page(items=[], next_cursor=None)
        statement = found
    page = statement.order_by(col(Event.id).desc()).limit(paging.limit + 1)
    rows = list((await session.execute(with_availability(page))).all())
    # A join does not keep the order of its inner side.
    rows.sort(key=lambda row: row.id, reverse=True)
    shown, cursor = paging.page(rows, lambda row: (row.id,))
    return Page(items=[EventPublic.model_validate(row) for row in shown], next_cursor=cursor)


async def _matching(session: AsyncSession, events: Select[Any], q: str) -> Select[Any] | None:
    """The events that ``q`` names, or None if it holds no word."""
    try:
        return events.where(col(Event.id) == UUID(q.strip()))
    except ValueError:
        search = await read_search(session, q)
    return None if search.is_empty else search.narrow(events)


def log_superuser(action: str, event: Event, by: Person) -> None:
    """For who changes an event of somebody else, which only superusers may."""
    if by.user_id != event.organizer_id:
        log.info(f"event.{action}_by_superuser", event_id=str(event.id), by=str(by.user_id))

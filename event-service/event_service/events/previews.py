"""What a change would do, before it is made: which fields change, and how many people get a mail."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.events.messages import (
    ANNOUNCED_FIELDS,
    cancellation_recipients,
    change_recipients,
    count_recipients,
)
from event_service.events.past_events import check_may_cancel, check_may_change
from event_service.events.queries import require_organizer, required_owner
from event_service.events.schemas import EventUpdate
from event_service.events.service import validate_changes
from event_service.problems import EventCancelled
from event_service.rules import event_may_become
from event_service.statuses import EventStatus
from service_kit.problems import VersionMismatch
from service_kit.web.tokens import Person


class ChangePreview(BaseModel):
    changed: list[str] = Field(description="Fields with another value; seats are not compared.")
    guests: int = Field(description="How many people would get a mail.")


async def preview_change(
    session: AsyncSession,
    event_id: UUID,
    change: EventUpdate,
    *,
    by: Person,
    version: int | None,
    now: datetime,
) -> ChangePreview:
    """Changes nothing, and locks nothing. Raises what ``update_event`` does, but for seats."""
    event = await require_organizer(session, event_id, required_owner(by))
    if version is not None and version != event.version:
        raise VersionMismatch(f"It is at version {event.version} now.", version=event.version)
    if event.status == EventStatus.CANCELLED:
        raise EventCancelled
    values = validate_changes(change, event)
    changed = [name for name, value in values.items() if value != getattr(event, name)]
    await check_may_change(session, event, changed, values.get("ends_at"), now)
    is_told = event.status == EventStatus.PUBLISHED and not set(changed).isdisjoint(
        ANNOUNCED_FIELDS
    )
    guests = await session.scalar(count_recipients(change_recipients(event_id))) if is_told else 0
    return ChangePreview(changed=changed, guests=guests or 0)


async def preview_cancellation(
    session: AsyncSession, event_id: UUID, *, by: Person, now: datetime
) -> ChangePreview:
    """Raises what ``cancel_event`` does. An event that is cancelled already tells nobody again."""
    event = await require_organizer(session, event_id, required_owner(by))
    if not event_may_become(event.status, EventStatus.CANCELLED):
        return ChangePreview(changed=[], guests=0)
    check_may_cancel(event, now)
    guests = await session.scalar(count_recipients(cancellation_recipients(event_id)))
    return ChangePreview(changed=["status"], guests=guests or 0)

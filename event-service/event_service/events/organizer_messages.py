"""What an organizer writes to the guests of an event: each gets it once."""

from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.messages import event_snapshot
from event_service.erasures.queries import refuse_erased
from event_service.events.messages import guests_once
from event_service.events.queries import require_organizer
from event_service.models import OutboxMessage
from service_kit.ids import new_id
from service_kit.messaging.bulk_messages import write_notifications
from service_kit.text import line, paragraphs


class OrganizerMessage(BaseModel):
    # A misspelled ``preview`` in the body would send what was only to be looked at.
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"subject": "Doors open at 18:30", "body": "Dear all,\n\ncome early!"}]
        },
    )

    subject: line(200)  # type: ignore[valid-type]
    body: paragraphs(20_000, min_length=1)  # type: ignore[valid-type]


class MessageSent(BaseModel):
    guests: int = Field(description="How many people it goes to.")
    text: str | None = Field(None, description="With ?preview=true: what they would read.")


async def send_to_guests(
    session: AsyncSession, event_id: UUID, message: OrganizerMessage, *, by: UUID
) -> MessageSent:
    """To all guests, or to none if it fails."""
    event = await require_organizer(session, event_id, by)
    await refuse_erased(session, by)
    guests = await write_notifications(
        session,
        OutboxMessage,
        guests_once(event_id, f"organizer-message:{new_id()}"),
        topic="organizer.message.v1",
        kind="organizer-message",
        data={
            "event_id": str(event.id),
            "event": event_snapshot(event),
            "subject": message.subject,
            "body": message.body,
        },
        version=event.version,
    )
    return MessageSent(guests=guests)


async def preview_for_guests(
    session: AsyncSession, event_id: UUID, message: OrganizerMessage, *, by: UUID
) -> MessageSent:
    """Nothing is sent. Greeting and layout are added by notification-service, in each guest's
    language."""
    event = await require_organizer(session, event_id, by)
    guests = await session.scalar(
        select(func.count()).select_from(guests_once(event_id, "").subquery())
    )
    starts_at = event.starts_at.astimezone(ZoneInfo(event.timezone))
    return MessageSent(
        guests=guests or 0,
        text=f"{message.subject}\n\n{message.body}\n\n{event.title}\n"
        f"{starts_at:%Y-%m-%d %H:%M} ({event.timezone})\n{event.venue}, {event.city}",
    )

"""What an organizer writes to the guests of an event: each gets it once."""

from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, func, insert, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.messages import event_snapshot
from event_service.events.queries import require_organizer
from event_service.models import Booking, Event, OutboxMessage
from service_kit.ids import new_id
from service_kit.outbox import OutboxRow, notification
from service_kit.text import line, paragraphs

GUESTS_PER_STATEMENT = 1_000


class OrganizerMessage(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"subject": "Doors open at 18:30", "body": "Dear all,\n\ncome early!"}]
        }
    )

    subject: line(200)  # type: ignore[valid-type]
    body: Annotated[paragraphs(20_000), Field(min_length=1)]  # type: ignore[valid-type]


class MessageSent(BaseModel):
    guests: int = Field(description="How many people it goes to.")
    text: str | None = Field(None, description="With ?preview=true: what they would read.")


async def send_to_guests(
    session: AsyncSession, event_id: UUID, message: OrganizerMessage, *, by: UUID
) -> MessageSent:
    """To all guests, or to none if it fails."""
    event = await require_organizer(session, event_id, by)
    guests = list((await session.execute(_guests(event_id))).scalars())
    message_id = new_id()
    for first in range(0, len(guests), GUESTS_PER_STATEMENT):
        await session.execute(
            insert(OutboxMessage),
            [
                _message(event, message, message_id, user_id).model_dump()
                for user_id in guests[first : first + GUESTS_PER_STATEMENT]
            ],
        )
    return MessageSent(guests=len(guests))


async def preview_for_guests(
    session: AsyncSession, event_id: UUID, message: OrganizerMessage, *, by: UUID
) -> MessageSent:
    """Nothing is sent. Greeting and layout are added by notification-service, in each guest's
    language."""
    event = await require_organizer(session, event_id, by)
    guests = await session.scalar(select(func.count()).select_from(_guests(event_id).subquery()))
    starts_at = event.starts_at.astimezone(ZoneInfo(event.timezone))
    return MessageSent(
        guests=guests or 0,
        text=f"{message.subject}\n\n{message.body}\n\n{event.title}\n"
        f"{starts_at:%Y-%m-%d %H:%M} ({event.timezone})\n{event.venue}, {event.city}",
    )


def _guests(event_id: UUID) -> Select[tuple[UUID]]:
    """Who has a confirmed booking; a hold is not yet one."""
    return (
        select(col(Booking.user_id))
        .where(col(Booking.event_id) == event_id, col(Booking.status) == "confirmed")
        .distinct()
    )


def _message(event: Event, message: OrganizerMessage, message_id: UUID, user_id: UUID) -> OutboxRow:
    return notification(
        OutboxMessage,
        topic="organizer.message.v1",
        kind="organizer-message",
        user_id=user_id,
        dedup_key=f"organizer-message:{message_id}:{user_id}",
        data={
            "event_id": str(event.id),
            "event": event_snapshot(event),
            "subject": message.subject,
            "body": message.body,
        },
        version=event.version,
    )

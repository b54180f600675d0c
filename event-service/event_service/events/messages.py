"""What event-service tells about events: each guest once, whatever they booked."""

from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.messages import event_snapshot
from event_service.events.queries import list_guests
from event_service.models import Event, OutboxMessage
from service_kit.outbox import notification

# Time and place: what a guest has to know to be there.
TOLD_FIELDS = ("starts_at", "ends_at", "timezone", "venue", "city")


async def tell_guests_of_change(
    session: AsyncSession, event: Event, before: dict[str, Any]
) -> None:
    """``before`` holds the former values of the fields that were set, changed or not."""
    changes = {
        name: [_plain(before[name]), _plain(getattr(event, name))]
        for name in TOLD_FIELDS
        if name in before and before[name] != getattr(event, name)
    }
    if not changes:
        return
    for user_id, booking_ids in (await list_guests(session, event.id)).items():
        session.add(
            notification(
                OutboxMessage,
                topic="event.changed.v1",
                kind="event-changed",
                user_id=user_id,
                dedup_key=f"event-changed:{event.id}:{event.version}:{user_id}",
                data={
                    "event_id": str(event.id),
                    "event": event_snapshot(event),
                    "booking_ids": [str(booking_id) for booking_id in booking_ids],
                    "changes": changes,
                },
                version=event.version,
            )
        )
    await session.flush()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value

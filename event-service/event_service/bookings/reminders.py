"""A day before an event each of its guests is reminded, once for each start that it has had."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.messages import booking_snapshot
from event_service.bookings.queries import list_tickets
from event_service.models import Booking, Event, OutboxMessage, Ticket
from service_kit.outbox import OutboxRow, notification

REMINDED_BEFORE_START = timedelta(hours=24)
REMINDERS_PER_BATCH = 200


async def remind(session: AsyncSession) -> int:
    """How many reminders were written. Any number of relays may do this at once.

    What a booking was reminded of is written with the message, under a lock on it, so that another
    relay passes by and a cancellation waits.
    """
    found = await session.execute(
        select(Booking, Event)
        .join(Event, col(Event.id) == col(Booking.event_id))
        .where(
            col(Event.status) == "published",
            col(Event.starts_at) > func.now(),
            col(Event.starts_at) <= func.now() + REMINDED_BEFORE_START,
            col(Booking.status) == "confirmed",
            col(Booking.reminded_of).is_distinct_from(col(Event.starts_at)),
        )
        .order_by(col(Event.starts_at), col(Booking.id))
        .limit(REMINDERS_PER_BATCH)
        .with_for_update(skip_locked=True, key_share=True, of=Booking)
    )
    rows = found.all()
    tickets: dict[UUID, list[Ticket]] = {row.Booking.id: [] for row in rows}
    for ticket in await list_tickets(session, list(tickets)):
        tickets[ticket.booking_id].append(ticket)
    for booking, event in rows:
        booking.reminded_of = event.starts_at
        session.add(_reminder(booking, tickets[booking.id], event))
    await session.flush()
    return len(rows)


def _reminder(booking: Booking, tickets: list[Ticket], event: Any) -> OutboxRow:
    return notification(
        OutboxMessage,
        topic="event.reminder.v1",
        kind="event-reminder",
        user_id=booking.user_id,
        dedup_key=f"event-reminder:{booking.id}:{event.starts_at.isoformat()}",
        data=booking_snapshot(booking, tickets, event),
        version=event.version,
    )

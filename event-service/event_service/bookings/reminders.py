"""Reminders, a day before an event: one for each booking and start of the event."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.transitions import add_booking_messages
from event_service.models import Booking, Event
from event_service.rules import IS_CONFIRMED, IS_UPCOMING
from service_kit.database.engine import sql_connection

REMINDED_BEFORE_START = timedelta(hours=24)
NOT_REMINDED_AFTER_CONFIRMATION = timedelta(hours=1)
REMINDERS_PER_BATCH = 1_000


async def add_reminders(session: AsyncSession) -> int:
    """Writes a batch of reminders of one event; returns their number. Several processes may run it.

    ``reminded_of`` is set in the transaction of the message, under a lock on the booking: other processes
    skip it, and a cancellation waits. The event cannot be moved meanwhile.
    """
    is_due = exists(
        select(col(Booking.id)).where(
            col(Booking.event_id) == col(Event.id), *_is_due(col(Event.starts_at))
        )
    )
    event = await session.scalar(
        select(Event)
        .where(
            IS_UPCOMING,
            col(Event.starts_at) <= func.now() + REMINDED_BEFORE_START,
            is_due,
        )
        .order_by(col(Event.starts_at), col(Event.id))
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True, read=True)
    )
    if event is None:
        return 0
    booking_ids = await _mark_reminded(session, event)
    await add_booking_messages(
        await sql_connection(session),
        "event-reminder",
        booking_ids,
        event,
        # An event that is moved has another reminder.
        key_suffix=f":{event.starts_at.isoformat()}",
    )
    return len(booking_ids)


def _is_due(starts_at: Any) -> tuple[ColumnElement[bool], ...]:
    """Conditions on a booking: confirmed for an hour at least, and not yet reminded of this start."""
    confirmed_at = func.coalesce(col(Booking.confirmed_at), col(Booking.created_at))
    return (
        IS_CONFIRMED,
        col(Booking.reminded_of).is_distinct_from(starts_at),
        confirmed_at <= func.now() - NOT_REMINDED_AFTER_CONFIRMATION,
    )


async def _mark_reminded(session: AsyncSession, event: Event) -> Sequence[UUID]:
    """A batch of bookings that are due; those that others have locked are left for later."""
    due = (
        select(col(Booking.id))
        .where(col(Booking.event_id) == event.id, *_is_due(event.starts_at))
        .order_by(col(Booking.id))
        .limit(REMINDERS_PER_BATCH)
        .with_for_update(skip_locked=True, key_share=True)
        .cte("due")
    )
    marked = await session.execute(
        update(Booking)
        .where(col(Booking.id) == due.c.id)
        .values(reminded_of=event.starts_at)
        .returning(col(Booking.id))
        .execution_options(synchronize_session=False)
    )
    return marked.scalars().all()

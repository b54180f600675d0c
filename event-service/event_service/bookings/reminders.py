"""Reminders, a day before an event: one for each booking and start of the event."""

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    cast,
    exists,
    func,
    literal,
    null,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONPATH, aggregate_order_by
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.messages import SEATS_IN_MESSAGE, event_snapshot
from event_service.models import Booking, Event, OutboxMessage, Ticket
from event_service.rules import IS_CONFIRMED, IS_UPCOMING
from service_kit.database.bulk_inserts import json_object
from service_kit.messaging.notifications import write_notifications

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
    return await write_notifications(
        session,
        OutboxMessage,
        _recipients(event),
        kind="event-reminder",
        data={"event_id": str(event.id), "event": event_snapshot(event)},
        version=event.version,
    )


def _is_due(starts_at: Any) -> tuple[ColumnElement[bool], ...]:
    """Conditions on a booking: confirmed for an hour at least, and not yet reminded of this start."""
    confirmed_at = func.coalesce(col(Booking.confirmed_at), col(Booking.created_at))
    return (
        IS_CONFIRMED,
        col(Booking.reminded_of).is_distinct_from(starts_at),
        confirmed_at <= func.now() - NOT_REMINDED_AFTER_CONFIRMATION,
    )


def _recipients(event: Event) -> Select[Any]:
    """A batch of bookings, which are marked as reminded, each with its own message."""
    due = (
        select(col(Booking.id))
        .where(col(Booking.event_id) == event.id, *_is_due(event.starts_at))
        .order_by(col(Booking.id))
        .limit(REMINDERS_PER_BATCH)
        .with_for_update(skip_locked=True, key_share=True)
        .cte("due")
    )
    marked = (
        update(Booking)
        .where(col(Booking.id) == due.c.id)
        .values(reminded_of=event.starts_at)
        .returning(
            col(Booking.id), col(Booking.user_id), col(Booking.status), col(Booking.quantity),
            col(Booking.total), col(Booking.currency),
        )
        .cte("marked")
    )  # fmt: skip
    row = marked.c
    return select(
        row.user_id,
        (
            literal("event-reminder:")
            + cast(row.id, Text)
            + literal(f":{event.starts_at.isoformat()}")
        ).label("dedup_key"),
        json_object(
            booking_id=row.id,
            status=row.status,
            quantity=row.quantity,
            total=row.total,
            currency=row.currency,
            expires_at=null(),
            seats=_seats(row.id),
        ).label("data"),
    )


def _seats(booking_id: Any) -> Any:
    """Seats in the form of ``bookings.messages.seat_snapshot``."""
    seat = json_object(
        id=col(Ticket.seat_id),
        section=col(Ticket.section),
        row=col(Ticket.row_name),
        number=col(Ticket.number),
        ticket_code=col(Ticket.code),
    )
    in_order = func.jsonb_agg(aggregate_order_by(seat, col(Ticket.position)))
    # LIMIT would need LATERAL, where SQLAlchemy cannot refer to rows that an UPDATE returns.
    first = func.jsonb_path_query_array(in_order, cast(f"$[0 to {SEATS_IN_MESSAGE - 1}]", JSONPATH))
    return select(first).where(col(Ticket.booking_id) == booking_id).scalar_subquery()

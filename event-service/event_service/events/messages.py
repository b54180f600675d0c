"""Messages about events: one to each guest, whatever they booked, written by one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    Uuid,
    cast,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.messages import event_snapshot
from event_service.models import Booking, Event, OutboxMessage, WaitlistEntry
from event_service.rules import CANCELLABLE, IS_CONFIRMED, IS_HELD
from service_kit.database.bulk_inserts import json_object
from service_kit.messaging.notifications import write_notifications

# The ``cancel_reason`` of an event whose organizer's account was erased.
ORGANIZER_ERASED = "The organizer's account no longer exists."

# Guests are told of changes of these: time and place.
ANNOUNCED_FIELDS = ("starts_at", "ends_at", "timezone", "venue", "city")


async def add_change_messages(session: AsyncSession, event: Event, before: dict[str, Any]) -> None:
    """To everybody with a confirmed or held booking. ``before`` has the former values of all fields that
    were set, changed or not."""
    changes = {
        name: [_json_value(before[name]), _json_value(getattr(event, name))]
        for name in ANNOUNCED_FIELDS
        if name in before and before[name] != getattr(event, name)
    }
    if not changes:
        return
    await write_notifications(
        session,
        OutboxMessage,
        _one_per_user(change_recipients(event.id), f"event-changed:{event.id}:{event.version}"),
        kind="event-changed",
        data={
            "event_id": str(event.id),
            "event": event_snapshot(event),
            "changes": changes,
        },
        version=event.version,
    )


async def add_cancellation_messages(session: AsyncSession, event: Event) -> None:
    """To everybody with a confirmed or held booking, and to those on the waitlist, whose messages name no
    booking. Written before the bookings end."""
    is_erased = event.cancel_reason == ORGANIZER_ERASED
    await write_notifications(
        session,
        OutboxMessage,
        _one_per_user(cancellation_recipients(event.id), f"event-cancelled:{event.id}"),
        kind="event-cancelled",
        data={
            "event_id": str(event.id),
            "event": event_snapshot(event),
            # A fixed text, which the mail has in the recipient's language, and not as a quotation.
            "reason": None if is_erased else event.cancel_reason,
            "organizer_erased": is_erased,
        },
        version=event.version,
    )


def change_recipients(event_id: UUID) -> Any:
    """Users and their bookings whom a change of time or place is told: a row for each booking."""
    return select(col(Booking.user_id), col(Booking.id)).where(
        col(Booking.event_id) == event_id,
        or_(IS_CONFIRMED, IS_HELD),
    )


def cancellation_recipients(event_id: UUID) -> Any:
    """As ``change_recipients``, whom a cancellation is told: also those who wait, without a booking."""
    guests = select(col(Booking.user_id), col(Booking.id)).where(
        col(Booking.event_id) == event_id, col(Booking.status).in_(CANCELLABLE)
    )
    waiting = select(col(WaitlistEntry.user_id), null()).where(
        col(WaitlistEntry.event_id) == event_id
    )
    return union_all(guests, waiting)


def count_recipients(bookings: Any) -> Select[Any]:
    """How many people rows of ``change_recipients`` or ``cancellation_recipients`` are."""
    return select(func.count(bookings.subquery("told").c.user_id.distinct()))


def confirmed_guests(event_id: UUID, dedup_key: str) -> Select[Any]:
    """Recipients of a message that names no booking: everybody with a confirmed one, once."""
    users = (
        select(col(Booking.user_id))
        .where(col(Booking.event_id) == event_id, IS_CONFIRMED)
        .distinct()
        .subquery()
    )
    return select(
        users.c.user_id, _dedup_key(dedup_key, users.c.user_id), json_object().label("data")
    )


def recipients(user_ids: Sequence[UUID], dedup_key: str) -> Select[Any]:
    """Recipients of a message, chosen before."""
    one = func.unnest(literal(user_ids, ARRAY(Uuid()))).column_valued("user_id")
    user_id = cast(one, Uuid())
    return select(
        user_id.label("user_id"), _dedup_key(dedup_key, user_id), json_object().label("data")
    )


def _one_per_user(bookings: Any, dedup_key: str) -> Select[Any]:
    """Recipients with the ids of their bookings, in the order of booking."""
    rows = bookings.subquery("booked").c
    ids = func.jsonb_agg(aggregate_order_by(rows.id, rows.id)).filter(rows.id.is_not(None))
    return select(
        rows.user_id,
        _dedup_key(dedup_key, rows.user_id),
        json_object(booking_ids=func.coalesce(ids, literal_column("'[]'::jsonb"))).label("data"),
    ).group_by(rows.user_id)


def _dedup_key(dedup_key: str, user_id: ColumnElement[UUID]) -> ColumnElement[str]:
    return (literal(f"{dedup_key}:") + cast(user_id, Text)).label("dedup_key")


def _json_value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value

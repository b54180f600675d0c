"""What event-service tells about events: each guest once, whatever they booked, by one statement
however many they are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    Uuid,
    and_,
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
from service_kit.messaging.bulk_messages import json_object, write_notifications

# What an event's ``cancel_reason`` is, where its organizer's account was erased.
ORGANIZER_ERASED = "The organizer's account no longer exists."

# Time and place: what a guest has to know to be there.
TOLD_FIELDS = ("starts_at", "ends_at", "timezone", "venue", "city")


async def tell_guests_of_change(
    session: AsyncSession, event: Event, before: dict[str, Any]
) -> None:
    """To everybody with a confirmed or held booking. ``before`` holds the former values of the fields
    that were set, changed or not."""
    changes = {
        name: [_plain(before[name]), _plain(getattr(event, name))]
        for name in TOLD_FIELDS
        if name in before and before[name] != getattr(event, name)
    }
    if not changes:
        return
    guests = select(col(Booking.user_id), col(Booking.id)).where(
        col(Booking.event_id) == event.id,
        or_(
            col(Booking.status) == "confirmed",
            and_(col(Booking.status) == "held", col(Booking.expires_at) > func.now()),
        ),
    )
    await write_notifications(
        session,
        OutboxMessage,
        _each_once(guests, f"event-changed:{event.id}:{event.version}"),
        topic="event.changed.v1",
        kind="event-changed",
        data={
            "event_id": str(event.id),
            "event": event_snapshot(event),
            "changes": changes,
        },
        version=event.version,
    )


async def tell_guests_of_end(session: AsyncSession, event: Event) -> None:
    """Of the cancellation, before the bookings end: to who has one or holds one, and to who waits,
    whose message names no booking."""
    is_erased = event.cancel_reason == ORGANIZER_ERASED
    guests = select(col(Booking.user_id), col(Booking.id)).where(
        col(Booking.event_id) == event.id, col(Booking.status).in_(("held", "confirmed"))
    )
    waiting = select(col(WaitlistEntry.user_id), null()).where(
        col(WaitlistEntry.event_id) == event.id
    )
    await write_notifications(
        session,
        OutboxMessage,
        _each_once(union_all(guests, waiting), f"event-cancelled:{event.id}"),
        topic="event.cancelled.v1",
        kind="event-cancelled",
        data={
            "event_id": str(event.id),
            "event": event_snapshot(event),
            # Nobody wrote that: the mail says it in the reader's language, and quotes nobody.
            "reason": None if is_erased else event.cancel_reason,
            "organizer_erased": is_erased,
        },
        version=event.version,
    )


def guests_once(event_id: UUID, dedup_key: str) -> Select[Any]:
    """Who has a confirmed booking, for a message that names none; a hold is not yet one."""
    users = (
        select(col(Booking.user_id))
        .where(col(Booking.event_id) == event_id, col(Booking.status) == "confirmed")
        .distinct()
        .subquery()
    )
    return select(users.c.user_id, _keyed(dedup_key, users.c.user_id), json_object().label("data"))


def each_of(user_ids: Sequence[UUID], dedup_key: str) -> Select[Any]:
    """The same people that were chosen before."""
    one = func.unnest(literal(user_ids, ARRAY(Uuid()))).column_valued("user_id")
    user_id = cast(one, Uuid())
    return select(user_id.label("user_id"), _keyed(dedup_key, user_id), json_object().label("data"))


def _each_once(bookings: Any, dedup_key: str) -> Select[Any]:
    """A recipient for each person, with the ids of their bookings in the order of booking."""
    rows = bookings.subquery("booked").c
    ids = func.jsonb_agg(aggregate_order_by(rows.id, rows.id)).filter(rows.id.is_not(None))
    return select(
        rows.user_id,
        _keyed(dedup_key, rows.user_id),
        json_object(booking_ids=func.coalesce(ids, literal_column("'[]'::jsonb"))).label("data"),
    ).group_by(rows.user_id)


def _keyed(dedup_key: str, user_id: ColumnElement[UUID]) -> ColumnElement[str]:
    return (literal(f"{dedup_key}:") + cast(user_id, Text)).label("dedup_key")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value

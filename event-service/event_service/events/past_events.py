"""What may not be changed once an event has ended: its guests would hear that it was cancelled or moved."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import literal, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.events.messages import ANNOUNCED_FIELDS
from event_service.models import Booking, Event, Ticket
from event_service.rules import IS_CONFIRMED, has_ended
from event_service.statuses import EventStatus
from service_kit.problems import InvalidRequest

_REFUSAL = "The event has ended: its time, place and seats stay. Create another event instead."
_FIXED_FIELDS = frozenset({*ANNOUNCED_FIELDS, "capacity", "sections"})


def check_may_cancel(event: Event, now: datetime) -> None:
    """Raises InvalidRequest for an event that has ended."""
    if has_ended(event, now):
        message = (
            "The event has ended: there is nothing left to cancel. Its guests can be written to."
        )
        raise InvalidRequest.field("ends_at", message)


async def check_may_change(
    session: AsyncSession,
    event: Event,
    changed: Sequence[str],
    new_end: datetime | None,
    now: datetime,
) -> None:
    """Raises InvalidRequest for fields that guests are told of or that were sold, if the event has ended.

    A wrong date may be corrected while nobody was checked in: then the event has not taken place.
    """
    refused = [name for name in changed if name in _FIXED_FIELDS]
    if event.status != EventStatus.PUBLISHED or not has_ended(event, now) or not refused:
        return
    if new_end is not None and new_end > now and not await _has_check_ins(session, event):
        return
    raise InvalidRequest(errors=[{"field": name, "message": _REFUSAL} for name in refused])


async def _has_check_ins(session: AsyncSession, event: Event) -> bool:
    check_ins = (
        select(literal(1))
        .select_from(Ticket)
        .join(Booking, col(Booking.id) == col(Ticket.booking_id))
        .where(
            col(Booking.event_id) == event.id,
            IS_CONFIRMED,
            col(Ticket.checked_in_at).is_not(None),
        )
    )
    return bool(await session.scalar(select(check_ins.exists())))

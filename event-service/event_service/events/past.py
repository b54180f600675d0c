"""What has taken place stays as it was: nobody hears afterwards that it was called off or moved."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import literal, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.events.messages import TOLD_FIELDS
from event_service.models import Booking, Event, Ticket
from service_kit.problems import InvalidRequest

_STAYS = "The event has ended: its time, place and seats stay. Create another event instead."
_STAYING = frozenset({*TOLD_FIELDS, "capacity", "sections"})


def refuse_to_cancel_the_past(event: Event, now: datetime) -> None:
    """Raises InvalidRequest."""
    if event.ends_at <= now:
        message = (
            "The event has ended: there is nothing left to cancel. Its guests can be written to."
        )
        raise InvalidRequest.field("ends_at", message)


async def refuse_to_change_the_past(
    session: AsyncSession,
    event: Event,
    changed: Sequence[str],
    new_end: datetime | None,
    now: datetime,
) -> None:
    """Raises InvalidRequest for what guests would be told of, or what was sold. Who gave an event a
    wrong date may set it right, as long as nobody was let in: then it has not taken place."""
    refused = [name for name in changed if name in _STAYING]
    if event.status != "published" or event.ends_at > now or not refused:
        return
    if new_end is not None and new_end > now and not await _anybody_came(session, event):
        return
    raise InvalidRequest(errors=[{"field": name, "message": _STAYS} for name in refused])


async def _anybody_came(session: AsyncSession, event: Event) -> bool:
    let_in = (
        select(literal(1))
        .select_from(Ticket)
        .join(Booking, col(Booking.id) == col(Ticket.booking_id))
        .where(
            col(Booking.event_id) == event.id,
            col(Booking.status) == "confirmed",
            col(Ticket.checked_in_at).is_not(None),
        )
    )
    return bool(await session.scalar(select(let_in.exists())))

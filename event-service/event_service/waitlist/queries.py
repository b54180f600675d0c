"""Reading the line of an event."""

from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.models import Booking, Event, WaitlistEntry
from event_service.waitlist import statements
from event_service.waitlist.schemas import Offer, WaitlistPlace
from event_service.waitlist.wording import reason_for
from service_kit.database import Executor
from service_kit.problems import NotFound

ENTRIES_PER_BATCH = 1_000

IS_ON_SALE = and_(
    col(Event.status) == "published",
    or_(col(Event.sales_start).is_(None), col(Event.sales_start) <= func.now()),
    or_(col(Event.sales_end).is_(None), col(Event.sales_end) > func.now()),
    col(Event.ends_at) > func.now(),
)
# An offer that has lapsed is over, whether or not the sweeper has been.
_IS_IN_LINE = or_(
    col(WaitlistEntry.booking_id).is_(None),
    and_(col(Booking.status) == "held", col(Booking.expires_at) > func.now()),
)


async def get_place(session: AsyncSession, event_id: UUID, *, user_id: UUID) -> WaitlistPlace:
    """One's own place in the line; NotFound for who does not wait."""
    ahead = aliased(WaitlistEntry)
    before = (
        select(func.count())
        .where(
            col(ahead.event_id) == event_id,
            col(ahead.booking_id).is_(None),
            col(ahead.place) < col(WaitlistEntry.place),
        )
        .scalar_subquery()
    )
    found = await session.execute(
        select(
            WaitlistEntry, col(Booking.expires_at), before.label("before"), IS_ON_SALE.label("on")
        )
        .join(Event, col(Event.id) == col(WaitlistEntry.event_id))
        .outerjoin(Booking, col(Booking.id) == col(WaitlistEntry.booking_id))
        .where(
            col(WaitlistEntry.event_id) == event_id,
            col(WaitlistEntry.user_id) == user_id,
            _IS_IN_LINE,
        )
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound
    return _place(row.WaitlistEntry, row.expires_at, row.before, row.on)


def _place(entry: WaitlistEntry, expires_at: Any, before: int, is_on_sale: bool) -> WaitlistPlace:
    offer = Offer(booking_id=entry.booking_id, expires_at=expires_at) if entry.booking_id else None
    return WaitlistPlace(
        status="offered" if offer else "waiting",
        position=0 if offer else before + 1,
        quantity=entry.quantity,
        reason=reason_for(
            quantity=entry.quantity,
            before=before,
            times_passed=entry.times_passed,
            is_offered=offer is not None,
            is_on_sale=is_on_sale,
        ),
        joined_at=entry.joined_at,
        offer=offer,
    )


async def find_entry(
    session: AsyncSession, event_id: UUID, user_id: UUID
) -> tuple[WaitlistEntry, bool] | None:
    """A person's entry, and whether it still counts: an offer may have lapsed."""
    found = await session.execute(
        select(WaitlistEntry, _IS_IN_LINE.label("counts"))
        .outerjoin(Booking, col(Booking.id) == col(WaitlistEntry.booking_id))
        .where(col(WaitlistEntry.event_id) == event_id, col(WaitlistEntry.user_id) == user_id)
    )
    row = found.one_or_none()
    return (row.WaitlistEntry, row.counts) if row else None


async def is_line_due(executor: Executor, event_id: UUID) -> bool:
    """Whether there are seats for somebody who waits that nobody has offered yet."""
    return bool(await executor.scalar(statements.IS_DUE, {"event_id": event_id}))


async def list_due_events(session: AsyncSession, *, limit: int) -> list[UUID]:
    found = await session.execute(statements.DUE_EVENTS, {"events": limit})
    return list(found.scalars())


async def end_waiting_for_past_events(session: AsyncSession) -> int:
    """How many entries went, of ENTRIES_PER_BATCH at most."""
    found = await session.scalar(statements.END_WAITING, {"entries": ENTRIES_PER_BATCH})
    return found or 0

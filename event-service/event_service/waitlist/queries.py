"""Reading the line of an event."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Select, and_, delete, func, literal, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.statements import LOWER_ALLOWANCES
from event_service.models import Booking, Event, WaitlistEntry
from event_service.waitlist import statements
from event_service.waitlist.schemas import Offer, OwnWaitlistEntry, WaitlistPlace
from event_service.waitlist.wording import reason_for
from service_kit.database.engine import Executor
from service_kit.problems import InvalidRequest, NotFound
from service_kit.web.paging import Page, Paging

ENTRIES_PER_BATCH = 1_000
LAST_PLACE = 2**63 - 1

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
    found = await session.execute(_places(user_id).where(col(WaitlistEntry.event_id) == event_id))
    row = found.one_or_none()
    if row is None:
        raise NotFound
    return WaitlistPlace.model_validate(_fields(row))


async def list_own_entries(
    session: AsyncSession, user_id: UUID, paging: Paging
) -> Page[OwnWaitlistEntry]:
    """Where somebody waits, the latest entry first."""
    statement = _places(user_id).order_by(col(WaitlistEntry.place).desc()).limit(paging.limit + 1)
    after = paging.after(int)
    if after:
        if not 0 <= after[0] <= LAST_PLACE:
            raise InvalidRequest.field("cursor", "It is not a cursor of this list.")
        statement = statement.where(col(WaitlistEntry.place) < literal(after[0], BigInteger))
    found = (await session.execute(statement)).all()
    shown, cursor = paging.page(found, lambda row: (row.WaitlistEntry.place,))
    items = [
        OwnWaitlistEntry.model_validate(_fields(row) | {"event_id": row.WaitlistEntry.event_id})
        for row in shown
    ]
    return Page(items=items, next_cursor=cursor)


def _places(user_id: UUID) -> Select[Any]:
    """A person's entries that count: what is needed to say where each stands."""
    ahead = aliased(WaitlistEntry)
    before = (
        select(func.count())
        .where(
            col(ahead.event_id) == col(WaitlistEntry.event_id),
            col(ahead.booking_id).is_(None),
            col(ahead.place) < col(WaitlistEntry.place),
        )
        .scalar_subquery()
    )
    return (
        select(
            WaitlistEntry, col(Booking.expires_at), before.label("before"), IS_ON_SALE.label("on")
        )
        .join(Event, col(Event.id) == col(WaitlistEntry.event_id))
        .outerjoin(Booking, col(Booking.id) == col(WaitlistEntry.booking_id))
        .where(col(WaitlistEntry.user_id) == user_id, _IS_IN_LINE)
    )


def _fields(row: Any) -> dict[str, Any]:
    entry, before = row.WaitlistEntry, row.before
    offer = None
    if entry.booking_id:
        offer = Offer(booking_id=entry.booking_id, expires_at=row.expires_at)
    return dict(
        status="offered" if offer else "waiting",
        position=0 if offer else before + 1,
        quantity=entry.quantity,
        reason=reason_for(
            quantity=entry.quantity,
            before=before,
            times_passed=entry.times_passed,
            is_offered=offer is not None,
            is_on_sale=row.on,
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


async def remove_entry(session: AsyncSession, event_id: UUID, user_id: UUID) -> bool:
    """Whether somebody waited, who now does no more: an offer is no waiting. The event is locked. The
    allowance is lowered by what was removed here, and not by what was seen before."""
    quantity = await session.scalar(
        delete(WaitlistEntry)
        .where(
            col(WaitlistEntry.event_id) == event_id,
            col(WaitlistEntry.user_id) == user_id,
            col(WaitlistEntry.booking_id).is_(None),
        )
        .returning(col(WaitlistEntry.quantity))
        .execution_options(synchronize_session=False)
    )
    if quantity is None:
        return False
    await session.execute(
        LOWER_ALLOWANCES, {"event_id": event_id, "user_ids": [user_id], "seats": [quantity]}
    )
    return True


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

"""Reading the waitlist of an event."""

from collections.abc import Iterator
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Select, func, literal, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.sql import statements
from event_service.bookings.waitlist.explanations import explain
from event_service.bookings.waitlist.schemas import Offer, OwnWaitlistEntry, WaitlistEntryPublic
from event_service.models import Booking, Event, WaitlistEntry
from event_service.rules import IS_HELD, IS_ON_SALE
from event_service.statuses import WaitlistStatus
from service_kit.database.sql_files import SqlConnection
from service_kit.problems import InvalidRequest, NotFound
from service_kit.web.paging import Page, Paging

ENTRIES_PER_BATCH = 1_000
MAX_ENTRY_NUMBER = 2**63 - 1

# A lapsed offer has ended, whether or not the sweeper has been there.
_IS_ON_WAITLIST = or_(col(WaitlistEntry.booking_id).is_(None), IS_HELD)


async def get_own_entry(
    session: AsyncSession, event_id: UUID, *, user_id: UUID
) -> WaitlistEntryPublic:
    """A person's entry and its position. Raises NotFound if that person does not wait."""
    rows = await session.execute(
        _select_entries(user_id).where(col(WaitlistEntry.event_id) == event_id)
    )
    row = rows.one_or_none()
    if row is None:
        raise NotFound
    return WaitlistEntryPublic.model_validate(_fields(row))


async def count_waiting(session: AsyncSession) -> float:
    """Entries without an offer, of all events."""
    waiting = select(func.count()).where(col(WaitlistEntry.booking_id).is_(None))
    return float((await session.execute(waiting)).scalar_one())


async def list_own_entries(
    session: AsyncSession, user_id: UUID, paging: Paging
) -> Page[OwnWaitlistEntry]:
    """A person's entries for all events, the latest first."""
    statement = (
        _select_entries(user_id).order_by(col(WaitlistEntry.number).desc()).limit(paging.limit + 1)
    )
    after = _entry_number(paging)
    if after is not None:
        statement = statement.where(col(WaitlistEntry.number) < literal(after, BigInteger))
    rows = (await session.execute(statement)).all()
    shown, cursor = paging.page(rows, lambda row: (row.WaitlistEntry.number,))
    items = [
        OwnWaitlistEntry.model_validate(_fields(row) | {"event_id": row.WaitlistEntry.event_id})
        for row in shown
    ]
    return Page(items=items, next_cursor=cursor)


def _select_entries(user_id: UUID) -> Select[Any]:
    """A person's current entries, each with the number of entries before it."""
    ahead = aliased(WaitlistEntry)
    before = (
        select(func.count())
        .where(
            col(ahead.event_id) == col(WaitlistEntry.event_id),
            col(ahead.booking_id).is_(None),
            col(ahead.number) < col(WaitlistEntry.number),
        )
        .scalar_subquery()
    )
    return (
        select(
            WaitlistEntry,
            col(Booking.expires_at),
            before.label("before"),
            IS_ON_SALE.label("is_on_sale"),
        )
        .join(Event, col(Event.id) == col(WaitlistEntry.event_id))
        .outerjoin(Booking, col(Booking.id) == col(WaitlistEntry.booking_id))
        .where(col(WaitlistEntry.user_id) == user_id, _IS_ON_WAITLIST)
    )


def _entry_number(paging: Paging) -> int | None:
    """The number in the cursor. Raises InvalidRequest."""
    after = paging.after(int)
    if after is None:
        return None
    if not 0 <= after[0] <= MAX_ENTRY_NUMBER:
        raise InvalidRequest.field("cursor", "It is not a cursor of this list.")
    number: int = after[0]
    return number


def _offer(row: Any) -> Offer | None:
    if row.WaitlistEntry.booking_id is None:
        return None
    return Offer(booking_id=row.WaitlistEntry.booking_id, expires_at=row.expires_at)


def _fields(row: Any) -> dict[str, Any]:
    entry, before, offer = row.WaitlistEntry, row.before, _offer(row)
    return dict(
        status=WaitlistStatus.OFFERED if offer else WaitlistStatus.WAITING,
        position=0 if offer else before + 1,
        quantity=entry.quantity,
        reason=explain(
            quantity=entry.quantity,
            before=before,
            times_passed=entry.times_passed,
            is_offered=offer is not None,
            is_on_sale=row.is_on_sale,
        ),
        joined_at=entry.joined_at,
        offer=offer,
    )


async def list_event_entries(
    session: AsyncSession, event_id: UUID, paging: Paging
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of an event's entries in the order of joining, in the form of OrganizerWaitlistEntry with
    ``guest_name`` in place of ``guest``; and the cursor of the next one."""
    of_event = col(WaitlistEntry.event_id) == event_id
    statement = (
        select(WaitlistEntry, col(Booking.expires_at))
        .outerjoin(Booking, col(Booking.id) == col(WaitlistEntry.booking_id))
        .where(of_event, _IS_ON_WAITLIST)
        .order_by(col(WaitlistEntry.number))
        .limit(paging.limit + 1)
    )
    waiting_before, after = 0, _entry_number(paging)
    if after is not None:
        number = literal(after, BigInteger)
        statement = statement.where(col(WaitlistEntry.number) > number)
        before = select(func.count()).where(
            of_event, col(WaitlistEntry.booking_id).is_(None), col(WaitlistEntry.number) <= number
        )
        waiting_before = await session.scalar(before) or 0
    rows = (await session.execute(statement)).all()
    shown, cursor = paging.page(rows, lambda row: (row.WaitlistEntry.number,))
    positions = count(waiting_before + 1)
    return [_organizer_fields(row, positions) for row in shown], cursor


def _organizer_fields(row: Any, positions: Iterator[int]) -> dict[str, Any]:
    entry, offer = row.WaitlistEntry, _offer(row)
    return {
        "user_id": entry.user_id,
        "guest_name": entry.guest_name,
        "status": WaitlistStatus.OFFERED if offer else WaitlistStatus.WAITING,
        "position": 0 if offer else next(positions),
        "quantity": entry.quantity,
        "joined_at": entry.joined_at,
        "offer": offer,
    }


async def find_entry(
    session: AsyncSession, event_id: UUID, user_id: UUID
) -> tuple[WaitlistEntry, bool] | None:
    """A person's entry, and whether it is current: its offer may have lapsed."""
    rows = await session.execute(
        select(WaitlistEntry, _IS_ON_WAITLIST.label("is_current"))
        .outerjoin(Booking, col(Booking.id) == col(WaitlistEntry.booking_id))
        .where(col(WaitlistEntry.event_id) == event_id, col(WaitlistEntry.user_id) == user_id)
    )
    row = rows.one_or_none()
    return (row.WaitlistEntry, row.is_current) if row else None


async def remove_entry(connection: SqlConnection, event_id: UUID, user_id: UUID) -> bool:
    """Removes a waiting entry, not an offer; returns whether there was one. The event is locked."""
    quantity = await statements.delete_entry.value(connection, event_id=event_id, user_id=user_id)
    if quantity is None:
        return False
    await statements.lower_allowances.run(
        connection, event_id=event_id, user_ids=[user_id], quantities=[quantity]
    )
    return True


async def list_due_events(connection: SqlConnection, *, limit: int) -> list[UUID]:
    """Events with lapsed holds, or with free seats for somebody who waits."""
    rows = await statements.list_due_events.rows(connection, events=limit)
    return [row.event_id for row in rows]


async def delete_entries_of_past_events(connection: SqlConnection) -> int:
    """Returns the number of deleted entries, ENTRIES_PER_BATCH at most."""
    deleted: int = await statements.delete_entries_of_past_events.value(
        connection, entries=ENTRIES_PER_BATCH
    )
    return deleted

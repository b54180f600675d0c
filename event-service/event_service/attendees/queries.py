"""The tickets of an event in batches.

Each batch is a short transaction that continues after the last row of the one before. A server-side
cursor would keep a connection and its snapshot as long as the slowest client reads.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import literal, select, tuple_
from sqlmodel import col

from event_service.models import Booking, Ticket
from event_service.rules import STATUS_NOW
from event_service.statuses import BookingStatus
from service_kit.database.engine import Database

ROWS_PER_BATCH = 1_000
# The statuses without a filter.
DEFAULT_STATUSES = (BookingStatus.CONFIRMED, BookingStatus.HELD)


async def ticket_batches(
    database: Database, event_id: UUID, status: BookingStatus | None
) -> AsyncIterator[Sequence[Any]]:
    """Rows of a ticket and its booking, oldest booking first: confirmed and held ones, or those of one
    status."""
    after = None
    while True:
        rows = await _batch(database, event_id, status, after)
        if rows:
            yield rows
        if len(rows) < ROWS_PER_BATCH:
            return
        after = (rows[-1].booking_id, rows[-1].position)


async def _batch(
    database: Database, event_id: UUID, status: BookingStatus | None, after: tuple[UUID, int] | None
) -> Sequence[Any]:
    key = tuple_(col(Booking.id), col(Ticket.position))
    statement = (
        select(
            col(Booking.id).label("booking_id"),
            STATUS_NOW.label("status"),
            col(Ticket.section),
            col(Ticket.row_name),
            col(Ticket.number),
            col(Ticket.price),
            col(Booking.currency),
            col(Ticket.code),
            col(Ticket.checked_in_at),
            col(Booking.created_at),
            col(Ticket.position),
            col(Booking.user_id),
            col(Booking.guest_name),
        )
        .join(Ticket, col(Ticket.booking_id) == col(Booking.id))
        .where(
            col(Booking.event_id) == event_id,
            STATUS_NOW == status if status else STATUS_NOW.in_(DEFAULT_STATUSES),
        )
        .order_by(col(Booking.id), col(Ticket.position))
        .limit(ROWS_PER_BATCH)
    )
    if after:
        # The second condition is redundant; with it PostgreSQL starts at the right place of the index.
        statement = statement.where(
            key > tuple_(literal(after[0]), literal(after[1])), col(Booking.id) >= after[0]
        )
    async with database.transaction() as session:
        return (await session.execute(statement)).all()

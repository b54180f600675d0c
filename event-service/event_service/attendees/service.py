"""The bookings and tickets of an event, for its organizer, without names and addresses, which only
auth-service has."""

from collections.abc import AsyncIterator
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.attendees.csv_file import BYTE_ORDER_MARK, encode_rows
from event_service.attendees.queries import COLUMNS, ticket_batches
from event_service.bookings.queries import list_event_bookings
from event_service.bookings.representation import Json
from event_service.bookings.schemas import BookingQuery
from event_service.events.queries import require_organizer
from event_service.statuses import BookingStatus
from service_kit.database.engine import Database
from service_kit.web.paging import Paging


async def list_bookings(
    session: AsyncSession, event_id: UUID, status: BookingStatus | None, paging: Paging, *, by: UUID
) -> Json:
    await require_organizer(session, event_id, by)
    return await list_event_bookings(session, event_id, BookingQuery(status=status), paging)


async def attendees_file(
    database: Database, event_id: UUID, status: BookingStatus | None, *, by: UUID
) -> AsyncIterator[bytes]:
    """The CSV file in chunks. Access is checked before the first byte; memory does not grow with the rows."""
    async with database.transaction() as session:
        await require_organizer(session, event_id, by)
    return _chunks(database, event_id, status)


async def _chunks(
    database: Database, event_id: UUID, status: BookingStatus | None
) -> AsyncIterator[bytes]:
    yield BYTE_ORDER_MARK + encode_rows([COLUMNS])
    async for rows in ticket_batches(database, event_id, status):
        yield encode_rows(rows)

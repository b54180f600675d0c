"""The bookings of an event as its organizer looks for them."""

from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.queries import newest_first, read_page, show_page
from event_service.bookings.representation import Json
from event_service.bookings.schemas import OrganizerBookingQuery
from event_service.bookings.ticket_codes import normalize_ticket_code
from event_service.models import Booking, Ticket
from event_service.rules import IS_CHECKED_IN, STATUS_NOW
from service_kit.web.paging import Paging

HEX_DIGITS_OF_ID = 32


async def list_event_bookings(
    session: AsyncSession, event_id: UUID, query: OrganizerBookingQuery, paging: Paging
) -> Json:
    """A page of an event's bookings, newest first, in the form of OrganizerBooking without ``guest``."""
    statement = newest_first(paging).where(col(Booking.event_id) == event_id)
    if query.status:
        statement = statement.where(STATUS_NOW == query.status)
    if query.checked_in is not None:
        statement = statement.where(IS_CHECKED_IN if query.checked_in else ~IS_CHECKED_IN)
    if query.q:
        booking_id = await _find_booking_of_ticket(session, event_id, query.q)
        statement = statement.where(
            _matches(query.q) if booking_id is None else col(Booking.id) == booking_id
        )
    rows, cursor = await read_page(session, statement, paging)
    by_id = {row.id: row for row in rows}
    page = await show_page(session, rows, cursor)
    for item in page["items"]:
        row = by_id[item["id"]]
        item.update(user_id=row.user_id, is_checked_in=row.is_checked_in)
    return page


async def _find_booking_of_ticket(session: AsyncSession, event_id: UUID, code: str) -> UUID | None:
    booking_id: UUID | None = await session.scalar(
        select(col(Ticket.booking_id))
        .join(Booking, col(Booking.id) == col(Ticket.booking_id))
        .where(col(Ticket.code) == normalize_ticket_code(code), col(Booking.event_id) == event_id)
    )
    return booking_id


def _matches(q: str) -> ColumnElement[bool]:
    """By the guest's name or the beginning of the booking's id."""
    is_name = func.strpos(func.event_plain(Booking.guest_name), func.event_plain(q)) > 0
    ids = ids_that_start_with(q)
    return or_(is_name, col(Booking.id).between(*ids)) if ids else is_name


def ids_that_start_with(text: str) -> tuple[UUID, UUID] | None:
    """The least and the greatest id that starts with these hexadecimal digits; hyphens may be missing.
    None for other text."""
    digits = text.strip().lower().replace("-", "")
    if not 0 < len(digits) <= HEX_DIGITS_OF_ID or not set(digits) <= set("0123456789abcdef"):
        return None
    return UUID(digits.ljust(HEX_DIGITS_OF_ID, "0")), UUID(digits.ljust(HEX_DIGITS_OF_ID, "f"))

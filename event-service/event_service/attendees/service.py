"""The bookings and tickets of an event, for its organizer."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from event_service.attendees.bookings import list_event_bookings
from event_service.attendees.csv_file import BYTE_ORDER_MARK, encode_rows
from event_service.attendees.guests import add_guests, find_contacts, guest_name
from event_service.attendees.queries import ticket_batches
from event_service.bookings.representation import Json
from event_service.bookings.schemas import OrganizerBookingQuery
from event_service.bookings.waitlist.queries import list_event_entries
from event_service.events.queries import require_organizer
from event_service.statuses import BookingStatus
from service_kit.database.engine import Database
from service_kit.messaging.contacts import Contact, ContactClient
from service_kit.money import CURRENCY_DIGITS, major_units
from service_kit.web.paging import Paging

COLUMNS = (
    "booking_id",
    "status",
    "section",
    "row",
    "seat",
    "price",
    "currency",
    "ticket_code",
    "checked_in_at",
    "booked_at",
    "guest_name",
    "guest_email",
)


async def list_bookings(
    database: Database,
    contacts: ContactClient,
    event_id: UUID,
    query: OrganizerBookingQuery,
    paging: Paging,
    *,
    owner: UUID | None,
) -> Json:
    """A page of OrganizerBooking. ``owner`` as in ``require_organizer``. No connection of the database is
    kept while auth-service is asked."""
    async with database.transaction() as session:
        await require_organizer(session, event_id, owner)
        page = await list_event_bookings(session, event_id, query, paging)
    await add_guests(contacts, page["items"])
    return page


async def list_waitlist(
    database: Database,
    contacts: ContactClient,
    event_id: UUID,
    paging: Paging,
    *,
    owner: UUID | None,
) -> Json:
    """A page of OrganizerWaitlistEntry; otherwise as ``list_bookings``."""
    async with database.transaction() as session:
        await require_organizer(session, event_id, owner)
        items, cursor = await list_event_entries(session, event_id, paging)
    await add_guests(contacts, items)
    return {"items": items, "next_cursor": cursor}


async def attendees_file(
    database: Database,
    contacts: ContactClient,
    event_id: UUID,
    status: BookingStatus | None,
    *,
    owner: UUID | None,
) -> AsyncIterator[bytes]:
    """The CSV file in chunks. Access is checked before the first byte; memory does not grow with the rows."""
    async with database.transaction() as session:
        await require_organizer(session, event_id, owner)
    return _chunks(database, contacts, event_id, status)


async def _chunks(
    database: Database, contacts: ContactClient, event_id: UUID, status: BookingStatus | None
) -> AsyncIterator[bytes]:
    yield BYTE_ORDER_MARK + encode_rows([COLUMNS])
    async for rows in ticket_batches(database, event_id, status):
        by_user = await find_contacts(contacts, {row.user_id for row in rows})
        yield encode_rows(_record(row, by_user.get(row.user_id)) for row in rows)


def _record(row: Any, contact: Contact | None) -> tuple[Any, ...]:
    """The cells of COLUMNS."""
    return (
        row.booking_id,
        row.status,
        row.section,
        row.row_name,
        row.number,
        _amount(row.price, row.currency),
        row.currency,
        row.code,
        row.checked_in_at,
        row.created_at,
        guest_name(row.guest_name, contact),
        contact.email if contact else None,
    )


def _amount(price: int, currency: str) -> str:
    """In major units with the digits of ISO 4217; of a currency that was withdrawn since, with two."""
    if currency in CURRENCY_DIGITS:
        return f"{major_units(price, currency):f}"
    return f"{price / 100:.2f}"

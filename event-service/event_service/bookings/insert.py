"""Inserting bookings whose seats are locked: rows, seats, tickets, counts and messages, in one statement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from event_service.bookings.sql import statements
from event_service.bookings.ticket_codes import new_ticket_code
from event_service.statuses import BookingStatus
from service_kit.database.engine import TryAgain, to_json
from service_kit.database.sql_files import SqlConnection
from service_kit.ids import new_id


# Plain dataclasses: SQLModel takes longer to create a row than PostgreSQL to store it.
@dataclass(slots=True)
class NewTicket:
    seat_id: UUID
    position: int
    section: str | None
    row_name: str | None
    number: int | None
    price: int
    code: str


@dataclass(slots=True)
class NewBooking:
    id: UUID
    event_id: UUID
    user_id: UUID
    status: BookingStatus
    quantity: int
    total: int
    currency: str
    expires_at: datetime | None
    guest_name: str | None
    created_at: datetime
    tickets: list[NewTicket]
    # A row of the outbox.
    message: dict[str, Any] | None = field(default=None)


def new_booking(
    booking_id: UUID,
    event: Any,
    guest: Any,
    seats: Sequence[Any],
    expires_at: datetime | None,
    *,
    now: datetime,
) -> NewBooking:
    """``event`` has id and currency; ``guest``, a request or a row of the waitlist, has user_id and
    guest_name; ``seats`` are rows of id, position, section, row_name, number and price. It is a hold if
    it ends."""
    return NewBooking(
        id=booking_id,
        event_id=event.id,
        user_id=guest.user_id,
        status=BookingStatus.HELD if expires_at else BookingStatus.CONFIRMED,
        quantity=len(seats),
        total=sum(seat.price for seat in seats),
        currency=event.currency,
        expires_at=expires_at,
        guest_name=guest.guest_name,
        created_at=now,
        tickets=_new_tickets(seats),
    )


def _new_tickets(seats: Iterable[Any]) -> list[NewTicket]:
    return [
        NewTicket(
            seat_id=seat.id,
            position=seat.position,
            section=seat.section,
            row_name=seat.row_name,
            number=seat.number,
            price=seat.price,
            code=new_ticket_code(),
        )
        for seat in seats
    ]


async def insert_bookings(connection: SqlConnection, bookings: Sequence[NewBooking]) -> None:
    """All are of one event. Raises TryAgain if a seat is not free."""
    first = bookings[0]
    tickets = [(each.id, ticket) for each in bookings for ticket in each.tickets]
    messages = [each.message for each in bookings if each.message]
    held = sum(each.quantity for each in bookings if each.status == BookingStatus.HELD)
    taken = await statements.insert_bookings.value(
        connection,
        event_id=first.event_id,
        currency=first.currency,
        ids=[each.id for each in bookings],
        user_ids=[each.user_id for each in bookings],
        statuses=[each.status for each in bookings],
        quantities=[each.quantity for each in bookings],
        totals=[each.total for each in bookings],
        ends=[each.expires_at for each in bookings],
        guest_names=[each.guest_name for each in bookings],
        booking_ids=[booking_id for booking_id, _ in tickets],
        seat_ids=[ticket.seat_id for _, ticket in tickets],
        positions=[ticket.position for _, ticket in tickets],
        sections=[ticket.section for _, ticket in tickets],
        rows=[ticket.row_name for _, ticket in tickets],
        numbers=[ticket.number for _, ticket in tickets],
        prices=[ticket.price for _, ticket in tickets],
        codes=[ticket.code for _, ticket in tickets],
        tally_id=new_id(),
        held=held,
        booked=sum(each.quantity for each in bookings) - held,
        message_ids=[message["id"] for message in messages],
        tasks=[message["task"] for message in messages],
        topics=[message["topic"] for message in messages],
        messages=[to_json(message["message"]) for message in messages],
    )
    if taken != len(tickets):
        raise TryAgain

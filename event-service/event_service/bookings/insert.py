"""Inserting a booking whose seats are taken: its row, its tickets, its counts and its message."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from event_service.bookings import statements
from event_service.bookings.ticket_codes import new_ticket_code
from event_service.statuses import BookingStatus
from service_kit.database.engine import Executor, to_json
from service_kit.database.statements import compiled
from service_kit.ids import new_id


# Plain dataclasses: SQLModel takes longer to create a row than PostgreSQL to store it.
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
    created_at: datetime | None = None
    guest_name: str | None = None


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
class NewMessage:
    id: UUID
    task: str
    topic: str
    message: dict[str, Any]
    created_at: datetime
    next_attempt_at: datetime


def new_tickets(seats: Iterable[Any]) -> list[NewTicket]:
    """``seats`` are rows of id, position, section, row_name, number and price."""
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


async def insert_booking(
    executor: Executor,
    booking: NewBooking,
    tickets: list[NewTicket],
    message: NewMessage | None,
) -> None:
    """Runs one statement, and sets ``booking.created_at`` to the database's time."""
    is_hold = booking.status == BookingStatus.HELD
    connection = executor if isinstance(executor, AsyncConnection) else await executor.connection()
    booking.created_at = await compiled(statements.WRITE).value(
        connection,
        booking_id=booking.id,
        event_id=booking.event_id,
        user_id=booking.user_id,
        status=booking.status,
        seats=booking.quantity,
        total=booking.total,
        currency=booking.currency,
        expires_at=booking.expires_at,
        guest_name=booking.guest_name,
        seat_ids=[ticket.seat_id for ticket in tickets],
        positions=[ticket.position for ticket in tickets],
        sections=[ticket.section for ticket in tickets],
        rows=[ticket.row_name for ticket in tickets],
        numbers=[ticket.number for ticket in tickets],
        prices=[ticket.price for ticket in tickets],
        codes=[ticket.code for ticket in tickets],
        tally_id=new_id(),
        held=booking.quantity if is_hold else 0,
        booked=0 if is_hold else booking.quantity,
        message_id=message.id if message else None,
        task=message.task if message else None,
        topic=message.topic if message else None,
        message=to_json(message.message) if message else None,
    )

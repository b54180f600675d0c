"""Messages about bookings: snapshots for the mails, without address or name of the guest."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from event_service.bookings.insert import NewBooking, NewTicket
from event_service.models import Booking, Ticket
from event_service.rules import cancellation_deadline
from service_kit.messaging.contract import Kind
from service_kit.messaging.notifications import notification
from service_kit.messaging.outbox import RowT

EVENT_FIELDS = (
    "title", "description", "venue", "city", "timezone", "starts_at", "ends_at", "version"
)  # fmt: skip

# A mail shows the first few, and ``quantity`` is the number of all. A message with 100,000 seats would be
# too large for the queue.
SEATS_IN_MESSAGE = 50
# For the entry in a guest's calendar. Messages to 30,000 guests with 10,000 characters each would be
# 300 MB.
DESCRIPTION_CHARACTERS = 500


def event_snapshot(event: Any) -> dict[str, Any]:
    """``event`` is an Event or a row with its columns. A long description is truncated."""
    values = {name: getattr(event, name) for name in EVENT_FIELDS}
    if len(values["description"]) > DESCRIPTION_CHARACTERS:
        values["description"] = values["description"][: DESCRIPTION_CHARACTERS - 1] + "…"
    values["cancellation_deadline"] = cancellation_deadline(event)
    times = ("starts_at", "ends_at", "cancellation_deadline")
    return values | {name: values[name].isoformat() for name in times}


def seat_snapshot(ticket: Any) -> dict[str, Any]:
    return {
        "id": str(ticket.seat_id),
        "section": ticket.section,
        "row": ticket.row_name,
        "number": ticket.number,
        "ticket_code": ticket.code,
    }


def booking_snapshot(booking: Any, tickets: Iterable[Any], event: Any) -> dict[str, Any]:
    return {
        "booking_id": str(booking.id),
        "event_id": str(booking.event_id),
        "status": booking.status,
        "quantity": booking.quantity,
        "total": booking.total,
        "currency": booking.currency,
        "expires_at": booking.expires_at.isoformat() if booking.expires_at else None,
        "seats": [seat_snapshot(ticket) for ticket in islice(tickets, SEATS_IN_MESSAGE)],
        "event": event_snapshot(event),
    }


def booking_message(
    row: Callable[..., RowT],
    kind: Kind,
    booking: Booking | NewBooking,
    tickets: Sequence[Ticket] | Sequence[NewTicket],
    event: Any,
    **more: Any,
) -> RowT:
    """A message such as ``booking.confirmed.v1``, once per booking and kind. A ``reason`` in ``more`` is
    text that a person wrote."""
    return notification(
        row,
        kind=kind,
        user_id=booking.user_id,
        dedup_key=f"{kind}:{booking.id}",
        data=booking_snapshot(booking, tickets, event) | more,
        version=event.version,
    )

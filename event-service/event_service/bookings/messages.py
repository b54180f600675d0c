"""Messages about bookings: snapshots for the mails, without address or name of the guest."""

from typing import Any

from event_service.bookings.insert import NewBooking
from event_service.rules import cancellation_deadline
from service_kit.messaging.contract import Kind
from service_kit.messaging.notifications import notification

EVENT_FIELDS = (
    "title", "description", "venue", "city", "timezone", "starts_at", "ends_at", "version",
    "organizer_name", "payment_note", "doors_at",
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
    times = ("starts_at", "ends_at", "cancellation_deadline", "doors_at")
    return values | {name: values[name].isoformat() for name in times if values[name]}


def seat_snapshot(ticket: Any) -> dict[str, Any]:
    return {
        "id": str(ticket.seat_id),
        "section": ticket.section,
        "row": ticket.row_name,
        "number": ticket.number,
        "ticket_code": ticket.code,
    }


def booking_snapshot(booking: NewBooking, event_data: dict[str, Any]) -> dict[str, Any]:
    """``event_data`` is the event's snapshot, which the bookings of a batch have in common."""
    return {
        "booking_id": str(booking.id),
        "event_id": str(booking.event_id),
        "status": booking.status,
        "quantity": booking.quantity,
        "total": booking.total,
        "currency": booking.currency,
        "expires_at": booking.expires_at.isoformat() if booking.expires_at else None,
        "seats": [seat_snapshot(ticket) for ticket in booking.tickets[:SEATS_IN_MESSAGE]],
        "event": event_data,
    }


def booking_message(
    kind: Kind, booking: NewBooking, event_data: dict[str, Any], *, version: int
) -> dict[str, Any]:
    """A message such as ``booking.confirmed.v1`` as a row of the outbox, once per booking and kind;
    ``version`` is the event's."""
    return notification(
        dict,
        kind=kind,
        user_id=booking.user_id,
        dedup_key=f"{kind}:{booking.id}",
        data=booking_snapshot(booking, event_data),
        version=version,
    )

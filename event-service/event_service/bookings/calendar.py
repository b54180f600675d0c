"""The calendar file of a booking: its entry, or what takes the entry out again."""

from datetime import datetime
from uuid import UUID

from event_service.appointments import appointment_of
from event_service.models import Event
from service_kit.calendar_files import Status, booking_entry, calendar_file

# What a calendar shows of a booking that is not confirmed, or no longer.
STATES: dict[str, Status] = {
    "confirmed": "CONFIRMED",
    "held": "TENTATIVE",
    "cancelled": "CANCELLED",
    "expired": "CANCELLED",
}


def booking_calendar_file(
    booking_id: UUID, status: str, event: Event, *, url: str, at: datetime
) -> bytes:
    """``status`` is the booking's. The file has the UID and the SEQUENCE of those in mails."""
    entry = booking_entry(booking_id, event.id, url=url)
    return calendar_file(appointment_of(event), [entry], status=STATES[status], at=at)

"""An event as calendar files show it, those of an event and those of a booking."""

from datetime import datetime
from typing import Protocol

from service_kit.calendar_files import Appointment


class Scheduled(Protocol):
    """What is needed of an event: of a row, or of an answer."""

    title: str
    venue: str
    city: str
    description: str
    timezone: str
    starts_at: datetime
    ends_at: datetime
    version: int


def appointment_of(event: Scheduled) -> Appointment:
    return Appointment(
        title=event.title,
        location=f"{event.venue}, {event.city}",
        description=event.description,
        timezone=event.timezone,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        version=event.version,
    )

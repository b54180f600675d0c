"""The calendar file of an event, for whoever has not booked yet."""

from event_service.appointments import appointment_of
from event_service.events.schemas import EventPublic
from event_service.statuses import EventStatus
from service_kit.calendar_files import Entry, calendar_file, event_uid


def event_calendar_file(event: EventPublic, *, url: str) -> bytes:
    """The same for everybody, and the same until the event changes. Nobody is busy by it, since nothing is
    booked. Of a cancelled event the file takes an earlier entry out."""
    entry = Entry(uid=event_uid(event.id), url=url, blocks_time=False)
    return calendar_file(
        appointment_of(event),
        [entry],
        status="CANCELLED" if event.status == EventStatus.CANCELLED else "CONFIRMED",
        at=event.updated_at,
    )

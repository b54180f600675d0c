"""The calendar file of a mail: an entry for each booking that it is about."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from notification_service.messages.contents import EventSnapshot
from notification_service.rendering.formats import zone_of
from service_kit.calendar_files import Appointment, Entry, Status, calendar_file

KEPT_EVENTS = 256


def mail_calendar_file(
    booking_ids: Sequence[UUID],
    event: EventSnapshot,
    *,
    status: Status,
    url_prefix: str,
    at: datetime,
) -> bytes:
    """The entries have the UID and the SEQUENCE of event-service's own files, so that whatever is later
    replaces the earlier."""
    entries = [
        Entry(f"{booking_id}@parterre", f"{url_prefix}{booking_id}") for booking_id in booking_ids
    ]
    return calendar_file(_appointment(event), entries, status=status, at=at)


@lru_cache(maxsize=KEPT_EVENTS)
def _appointment(event: EventSnapshot) -> Appointment:
    return Appointment(
        title=event.title,
        location=f"{event.venue}, {event.city}",
        description=event.description,
        timezone=zone_of(event.timezone).key,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        version=event.version,
    )

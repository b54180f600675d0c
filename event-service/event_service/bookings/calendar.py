"""The calendar file of a booking: RFC 5545, with the event's time zone and its rules."""

from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone

from event_service.models import Event as EventRow

UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "Etc/Zulu", "UCT", "Zulu", "GMT", "Etc/GMT"})

# What a calendar shows of a booking that is not confirmed, or no longer.
STATES = {
    "confirmed": "CONFIRMED",
    "held": "TENTATIVE",
    "cancelled": "CANCELLED",
    "expired": "CANCELLED",
}


def calendar_file(
    booking_id: UUID, status: str, event: EventRow, *, url: str, at: datetime
) -> bytes:
    """The UID stays the same and SEQUENCE grows with time, so that a later file replaces what an
    earlier one, of a mail too, put into the reader's calendar."""
    zone = ZoneInfo(event.timezone)
    entry = Event()
    entry.add("uid", f"{booking_id}@parterre")
    entry.add("dtstamp", at)
    entry.add("sequence", int(at.timestamp()))
    entry.add("summary", event.title)
    entry.add("dtstart", local_time(event.starts_at, zone))
    entry.add("dtend", local_time(event.ends_at, zone))
    entry.add("location", f"{event.venue}, {event.city}")
    if event.description:
        entry.add("description", event.description)
    entry.add("url", url)
    entry.add("status", STATES[status])
    calendar = Calendar()
    calendar.add("prodid", "-//Parterre//Tickets//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    if event.timezone not in UTC_NAMES:
        calendar.add_component(_rules(event.timezone, event.starts_at.year))
    calendar.add_component(entry)
    return bytes(calendar.to_ical())


def local_time(at: datetime, zone: ZoneInfo) -> datetime:
    """The time on the event's clocks; in UTC where those show it twice and the second is meant,
    since a local time in a calendar means the first (RFC 5545, 3.3.5)."""
    local = at.astimezone(zone)
    if zone.key in UTC_NAMES or local.fold:
        return at.astimezone(UTC)
    return local


@cache
def _rules(name: str, year: int) -> Timezone:
    """The zone's changes around a year; made once, because it walks through all of them."""
    first = datetime(year - 1, 1, 1)
    last = first + timedelta(days=3 * 366)
    return Timezone.from_tzid(name, first_date=first.date(), last_date=last.date())

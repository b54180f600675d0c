"""The calendar file of a booking: RFC 5545, with the event's time zone and its rules."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone

from notification_service.messages.contents import EventSnapshot
from notification_service.rendering.formats import zone_of


def calendar_file(
    booking_ids: Sequence[UUID], event: EventSnapshot, *, url_prefix: str, at: datetime
) -> bytes:
    """One entry for each booking. The UID stays the same, and SEQUENCE grows with time, so that a
    later file replaces what an earlier one put into the reader's calendar."""
    zone = zone_of(event.timezone)
    calendar = Calendar()
    calendar.add("prodid", "-//Parterre//Tickets//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    if zone.key != "UTC":
        calendar.add_component(_timezone(zone.key, event.starts_at.year))
    for booking_id in booking_ids:
        calendar.add_component(_entry(booking_id, event, zone, url_prefix=url_prefix, at=at))
    return bytes(calendar.to_ical())


def _entry(
    booking_id: UUID, event: EventSnapshot, zone: ZoneInfo, *, url_prefix: str, at: datetime
) -> Event:
    entry = Event()
    entry.add("uid", f"{booking_id}@parterre")
    entry.add("dtstamp", at)
    entry.add("sequence", int(at.timestamp()))
    entry.add("summary", event.title)
    entry.add("dtstart", event.starts_at.astimezone(zone))
    entry.add("dtend", event.ends_at.astimezone(zone))
    entry.add("location", f"{event.venue}, {event.city}")
    entry.add("description", event.description)
    entry.add("url", f"{url_prefix}{booking_id}")
    entry.add("status", "CONFIRMED")
    return entry


@cache
def _timezone(name: str, year: int) -> Timezone:
    """The zone's changes around a year; made once, because it walks through all of them."""
    first = datetime(max(year, 2) - 1, 1, 1)
    last = first + timedelta(days=3 * 366)
    return Timezone.from_tzid(name, first_date=first.date(), last_date=last.date())

"""The calendar file of a booking: RFC 5545, with the event's time zone and its rules.

Many bookings of one event come together, and their files differ in a few lines only: the rest is
made once for each event, by icalendar.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from icalendar import Event, Timezone
from icalendar.parser import Contentline

from notification_service.messages.contents import EventSnapshot
from notification_service.rendering.formats import zone_of

KEPT_EVENTS = 256
FOLDED_AT = 75
HEAD = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Parterre//Tickets//EN\r\nMETHOD:PUBLISH\r\n"
END_OF_ENTRY = b"END:VEVENT\r\n"


def calendar_file(
    booking_ids: Sequence[UUID], event: EventSnapshot, *, url_prefix: str, at: datetime
) -> bytes:
    """One entry for each booking. The UID stays the same, and SEQUENCE grows with time, so that a
    later file replaces what an earlier one put into the reader's calendar."""
    time_zone, entry = _made_once(event)
    stamp = f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    entries = [
        b"".join(
            (
                entry.removesuffix(END_OF_ENTRY),
                _line(f"UID:{booking_id}@parterre"),
                _line(f"DTSTAMP:{stamp}"),
                _line(f"SEQUENCE:{int(at.timestamp())}"),
                _line(f"URL:{url_prefix}{booking_id}"),
                END_OF_ENTRY,
            )
        )
        for booking_id in booking_ids
    ]
    return b"".join((HEAD, time_zone, *entries, b"END:VCALENDAR\r\n"))


def _line(text: str) -> bytes:
    """Folded at 75 octets, as the format wants it."""
    if len(text) <= FOLDED_AT and text.isascii():
        return text.encode() + b"\r\n"
    line: Any = Contentline
    return bytes(line(text).to_ical()) + b"\r\n"


@lru_cache(maxsize=KEPT_EVENTS)
def _made_once(event: EventSnapshot) -> tuple[bytes, bytes]:
    zone = zone_of(event.timezone)
    entry = Event()
    entry.add("summary", event.title)
    entry.add("dtstart", event.starts_at.astimezone(zone))
    entry.add("dtend", event.ends_at.astimezone(zone))
    entry.add("location", f"{event.venue}, {event.city}")
    entry.add("description", event.description)
    entry.add("status", "CONFIRMED")
    rules = b"" if zone.key == "UTC" else _time_zone(zone.key, event.starts_at.year)
    return rules, bytes(entry.to_ical())


@lru_cache(maxsize=KEPT_EVENTS)
def _time_zone(name: str, year: int) -> bytes:
    """The zone's changes around a year; all of them would be a long list."""
    first = datetime(max(year, 2) - 1, 1, 1)
    last = first + timedelta(days=3 * 366)
    rules = Timezone.from_tzid(name, first_date=first.date(), last_date=last.date())
    return bytes(rules.to_ical())

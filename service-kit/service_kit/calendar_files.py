"""Calendar files (RFC 5545) of an appointment with a time zone of its own, for downloads and mails.

Services that use it list ``icalendar`` among their dependencies.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, TimezoneDaylight, TimezoneStandard

UTC_NAMES = frozenset(
    {"UTC", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"}
    | {"GMT", "Etc/GMT", "Etc/GMT0", "Etc/GMT+0", "Etc/GMT-0", "Etc/Greenwich", "GMT0", "GMT+0"}
    | {"GMT-0", "Greenwich"}
)
RULES_CACHE_SIZE = 256
# How long before and after an appointment the rules of its zone go.
RULES_AROUND = timedelta(days=366)
# An appointment of more years has the rules around its start and its end.
LONGEST_RULES = timedelta(days=3660)
# No zone has changed its clocks twice within a week since 1970.
STEP = timedelta(days=7)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9998, 12, 1, tzinfo=UTC)
PRODUCT = "-//Parterre//Tickets//EN"

Method = Literal["PUBLISH", "CANCEL"]
Status = Literal["CONFIRMED", "TENTATIVE", "CANCELLED"]


@dataclass(frozen=True, slots=True)
class Appointment:
    """What, where and when; ``timezone`` is a name of the IANA database."""

    title: str
    location: str
    description: str
    timezone: str
    starts_at: datetime
    ends_at: datetime
    version: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One copy of it in somebody's calendar. A later file with the same ``uid`` replaces it.

    ``parent_uid`` is the entry of the event itself, of which a booking's is a part (RFC 5545, 3.8.4.5).
    ``blocks_time`` is false for what is only noted: it makes nobody busy (3.8.2.7)."""

    uid: str
    url: str
    parent_uid: str = ""
    blocks_time: bool = True


def event_uid(event_id: UUID) -> str:
    return f"{event_id}@parterre"


def booking_entry(booking_id: UUID, event_id: UUID, *, url: str) -> Entry:
    """Of files and of mails alike. It has a UID of its own, since each booking of an event is cancelled by
    itself and may be followed by another at the same version, whose file would be older than the
    cancellation."""
    return Entry(uid=f"{booking_id}@parterre", url=url, parent_uid=event_uid(event_id))


def method_of(status: Status) -> Method:
    """The METHOD of a file with entries of that status (RFC 5546)."""
    return "CANCEL" if status == "CANCELLED" else "PUBLISH"


def calendar_file(
    appointment: Appointment, entries: Sequence[Entry], *, status: Status, at: datetime
) -> bytes:
    """A file that puts the entries into a calendar, or takes them out if they are cancelled.

    SEQUENCE is the appointment's version, plus one in a cancellation: calendars heed only a higher number
    than that of the entry, which may have been made at this version.
    """
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("method", method_of(status))
    zone = ZoneInfo(appointment.timezone)
    for entry in entries:
        event = Event()
        event.add("uid", entry.uid)
        event.add("url", entry.url)
        event.add("summary", appointment.title)
        event.add("dtstart", local_time(appointment.starts_at, zone))
        event.add("dtend", local_time(appointment.ends_at, zone))
        event.add("location", appointment.location)
        if appointment.description:
            event.add("description", appointment.description)
        event.add("dtstamp", at)
        event.add("sequence", appointment.version + (status == "CANCELLED"))
        event.add("status", status)
        if entry.parent_uid:
            event.add("related-to", entry.parent_uid)
        if not entry.blocks_time:
            event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    rules = _rules(zone, appointment.starts_at, appointment.ends_at)
    # The same for all appointments of the zone around that date: serialised once, not for each file.
    return bytes(calendar.to_ical()).replace(b"BEGIN:VEVENT", rules + b"BEGIN:VEVENT", 1)


def local_time(at: datetime, zone: ZoneInfo) -> datetime:
    """The local time in the zone. In UTC if clocks show that time twice and ``at`` is the second: a local
    time in a calendar file means the first (RFC 5545, 3.3.5)."""
    local = at.astimezone(zone)
    if zone.key in UTC_NAMES or local.fold:
        return at.astimezone(UTC)
    return local


def _rules(zone: ZoneInfo, starts_at: datetime, ends_at: datetime) -> bytes:
    if zone.key in UTC_NAMES:
        return b""
    first, last = starts_at.astimezone(UTC), ends_at.astimezone(UTC)
    if last - first <= LONGEST_RULES:
        return _rules_around(zone.key, ((first.date(), last.date()),))
    return _rules_around(zone.key, ((first.date(), first.date()), (last.date(), last.date())))


@lru_cache(maxsize=RULES_CACHE_SIZE)
def _rules_around(name: str, spans: tuple[tuple[date, date], ...]) -> bytes:
    """A VTIMEZONE for the days of the spans and a year around each.

    ``icalendar.Timezone.from_tzid`` writes the time that clocks show after a change as its onset, where
    the format wants the time before it (RFC 5545, 3.6.5): each spring would begin an hour late.
    """
    zone = ZoneInfo(name)
    rules = Timezone()
    rules.add("tzid", name)
    for first_day, last_day in spans:
        first = _midnight(first_day) - RULES_AROUND
        last = _midnight(last_day) + RULES_AROUND + timedelta(days=1)
        for onset, before in _changes(zone, max(first, EARLIEST), min(last, LATEST)):
            rules.add_component(_observance(zone, onset, before))
    return bytes(rules.to_ical())


def _midnight(day: date) -> datetime:
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return min(max(moment, EARLIEST + 2 * RULES_AROUND), LATEST - 2 * RULES_AROUND)


def _changes(
    zone: ZoneInfo, first: datetime, last: datetime
) -> Iterator[tuple[datetime, timedelta]]:
    """``first``, and each moment until ``last`` from which the clocks show another offset, with the
    offset before it."""
    offset = _offset(first, zone)
    yield first, offset
    at = first
    while at < last:
        following = at + STEP
        if _offset(following, zone) != offset:
            onset = _onset(zone, at, following)
            yield onset, offset
            offset = _offset(following, zone)
        at = following


def _onset(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The second from which the offset is that of ``after``."""
    offset = _offset(after, zone)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if _offset(middle, zone) == offset:
            after = middle
        else:
            before = middle
    return after


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def _observance(zone: ZoneInfo, onset: datetime, before: timedelta) -> Any:
    local = onset.astimezone(zone)
    rule = TimezoneDaylight() if local.dst() else TimezoneStandard()
    rule.add("dtstart", (onset + before).replace(tzinfo=None))
    rule.TZOFFSETFROM = before
    rule.TZOFFSETTO = local.utcoffset() or timedelta(0)
    rule.add("tzname", local.tzname() or zone.key)
    return rule

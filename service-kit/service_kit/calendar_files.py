"""Calendar files (RFC 5545) of an appointment with a time zone of its own, for downloads and mails.

Services that use it list ``icalendar`` among their dependencies. Many files about one appointment come
together, and differ in a few lines only: the rest is made once for each appointment.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from icalendar import Event, Timezone, TimezoneDaylight, TimezoneStandard
from icalendar.parser import Contentline

UTC_NAMES = frozenset(
    {"UTC", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"}
    | {"GMT", "Etc/GMT", "Etc/GMT0", "Etc/GMT+0", "Etc/GMT-0", "Etc/Greenwich", "GMT0", "GMT+0"}
    | {"GMT-0", "Greenwich"}
)
KEPT_APPOINTMENTS = 256
# Rules are written for so long before and after the times that they are there for.
RULES_AROUND = timedelta(days=366)
# An appointment of more years has the rules around its start and its end.
LONGEST_RULES = timedelta(days=3660)
# No zone has changed its clocks twice within a week since 1970.
STEP = timedelta(days=7)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9998, 12, 1, tzinfo=UTC)
FOLDED_AT = 75
HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Parterre//Tickets//EN\r\nMETHOD:{}\r\n"
END_OF_ENTRY = b"END:VEVENT\r\n"

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
    """One copy of it in somebody's calendar. A later file with the same ``uid`` replaces it."""

    uid: str
    url: str


def method_of(status: Status) -> Method:
    """What a calendar is to do with an entry of that status."""
    return "CANCEL" if status == "CANCELLED" else "PUBLISH"


def calendar_file(
    appointment: Appointment, entries: Sequence[Entry], *, status: Status, at: datetime
) -> bytes:
    """A file that puts the entries into a calendar, or takes them out if they are cancelled.

    SEQUENCE is the appointment's version. What is cancelled has one more: it must be higher than that
    of the file which put it there, and that may have had this very version.
    """
    rules, entry = _made_once(appointment)
    fixed = (
        f"DTSTAMP:{at.astimezone(UTC):%Y%m%dT%H%M%SZ}\r\n"
        f"SEQUENCE:{appointment.version + (status == 'CANCELLED')}\r\nSTATUS:{status}\r\n"
    ).encode()
    return b"".join(
        (
            HEAD.format(method_of(status)).encode(),
            rules,
            *(
                entry + _line(f"UID:{one.uid}") + _line(f"URL:{one.url}") + fixed + END_OF_ENTRY
                for one in entries
            ),
            b"END:VCALENDAR\r\n",
        )
    )


def local_time(at: datetime, zone: ZoneInfo) -> datetime:
    """The time on the zone's clocks; in UTC where those show it twice and the second is meant, since a
    local time in a calendar means the first (RFC 5545, 3.3.5)."""
    local = at.astimezone(zone)
    if zone.key in UTC_NAMES or local.fold:
        return at.astimezone(UTC)
    return local


def _line(text: str) -> bytes:
    """Folded at 75 octets, as the format wants it."""
    if len(text) <= FOLDED_AT and text.isascii():
        return text.encode() + b"\r\n"
    line: Any = Contentline
    return bytes(line(text).to_ical()) + b"\r\n"


@lru_cache(maxsize=KEPT_APPOINTMENTS)
def _made_once(appointment: Appointment) -> tuple[bytes, bytes]:
    """The zone's rules, and an entry that lacks what differs, and its end."""
    zone = ZoneInfo(appointment.timezone)
    entry = Event()
    entry.add("summary", appointment.title)
    entry.add("dtstart", local_time(appointment.starts_at, zone))
    entry.add("dtend", local_time(appointment.ends_at, zone))
    entry.add("location", appointment.location)
    if appointment.description:
        entry.add("description", appointment.description)
    written = bytes(entry.to_ical()).removesuffix(END_OF_ENTRY)
    return _rules_between(zone, appointment.starts_at, appointment.ends_at), written


def _rules_between(zone: ZoneInfo, starts_at: datetime, ends_at: datetime) -> bytes:
    if zone.key in UTC_NAMES:
        return b""
    first, last = starts_at.astimezone(UTC), ends_at.astimezone(UTC)
    if last - first <= LONGEST_RULES:
        spans = [(first.date(), last.date())]
    else:
        spans = [(first.date(), first.date()), (last.date(), last.date())]
    return _rules(zone.key, tuple(spans))


@lru_cache(maxsize=KEPT_APPOINTMENTS)
def _rules(name: str, spans: tuple[tuple[Any, Any], ...]) -> bytes:
    """A VTIMEZONE for the days of the spans and a year around each.

    ``icalendar.Timezone.from_tzid`` writes the time that clocks show after a change as its onset, where
    the format wants the time before it (RFC 5545, 3.6.5): each spring would begin an hour late.
    """
    zone = ZoneInfo(name)
    rules = Timezone()
    rules.add("tzid", name)
    for first_day, last_day in spans:
        first = _at(first_day) - RULES_AROUND
        last = _at(last_day) + RULES_AROUND + timedelta(days=1)
        for onset, before in _changes(zone, max(first, EARLIEST), min(last, LATEST)):
            rules.add_component(_observance(zone, onset, before))
    return bytes(rules.to_ical())


def _at(day: Any) -> datetime:
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

"""Calendar files: right moments by the rules in the file alone, and what replaces what."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar, Timezone

from service_kit.calendar_files import Appointment, Entry, Status, calendar_file

ZONES = [
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "Asia/Gaza",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Etc/GMT+5",
]


def written(
    timezone: str,
    starts_at: datetime,
    ends_at: datetime,
    *,
    status: Status = "CONFIRMED",
    version: int = 3,
) -> Calendar:
    appointment = Appointment("Title", "Hall, City", "", timezone, starts_at, ends_at, version)
    entries = [Entry(uid=f"{n}@parterre", url=f"https://x.example/#/{n}") for n in (1, 2)]
    content = calendar_file(appointment, entries, status=status, at=starts_at)
    assert max(len(line) for line in content.split(b"\r\n")) <= 75
    read = Calendar.from_ical(content)
    assert isinstance(read, Calendar)
    return read


def rules_of(calendar: Calendar) -> Timezone:
    [rules] = calendar.walk("VTIMEZONE")
    assert isinstance(rules, Timezone)
    return rules


@cache
def changes_of_the_clocks(zone: ZoneInfo, first: datetime, last: datetime) -> list[datetime]:
    """By looking at each hour."""
    hours = int((last - first) / timedelta(hours=1))
    moments = [first + timedelta(hours=n) for n in range(hours)]
    offsets = [at.astimezone(zone).utcoffset() for at in moments]
    return [at for at, b, a in zip(moments[1:], offsets, offsets[1:], strict=False) if a != b]


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("year", [2001, 2026, 2199])
def test_each_change_of_the_clocks_is_written_as_the_format_wants_it(name: str, year: int) -> None:
    """RFC 5545, 3.6.5: the onset is in the offset before it."""
    zone = ZoneInfo(name)
    starts_at, ends_at = datetime(year, 2, 1, tzinfo=UTC), datetime(year + 1, 12, 20, tzinfo=UTC)
    rules = rules_of(written(name, starts_at, ends_at))

    onsets: dict[datetime, Any] = {}
    rule: Any
    for rule in rules.subcomponents:
        before, after = rule["TZOFFSETFROM"].td, rule["TZOFFSETTO"].td
        onset = (rule["DTSTART"].dt - before).replace(tzinfo=UTC)
        onsets[onset] = rule
        assert onset.astimezone(zone).utcoffset() == after
        assert (onset - timedelta(seconds=1)).astimezone(zone).utcoffset() == before
    assert min(onsets) < starts_at
    for change in changes_of_the_clocks(zone, starts_at, ends_at):
        found = [onset for onset in onsets if abs(onset - change) < timedelta(hours=1)]
        assert len(found) == 1


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("minutes_after", [-61, -31, -1, 1, 29, 61, 60 * 24])
def test_the_rules_alone_give_the_right_moments_around_each_change(
    name: str, minutes_after: int
) -> None:
    zone = ZoneInfo(name)
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    for change in changes_of_the_clocks(zone, first, last):
        starts_at = change + timedelta(minutes=minutes_after)
        ends_at = starts_at + timedelta(days=200)
        calendar = written(name, starts_at, ends_at)
        entry: Any = calendar.events[0]
        # The reader's program knows no zones but that of the file.
        own = rules_of(calendar).to_tz(lookup_tzid=False)
        for field, meant in (("DTSTART", starts_at), ("DTEND", ends_at)):
            at = entry[field].dt
            if entry[field].params.get("TZID"):
                at = at.replace(tzinfo=None)
                assert at - own.utcoffset(at) == meant.replace(tzinfo=None), (change, field)
            else:
                assert at == meant


def test_berlin_s_summer_time_begins_at_two() -> None:
    at = datetime(2026, 3, 29, 18, tzinfo=UTC)
    text = rules_of(written("Europe/Berlin", at, at + timedelta(hours=2))).to_ical().decode()
    summer = text[text.index("DTSTART:20260329T") :].split("END:")[0]
    assert "DTSTART:20260329T020000\r\n" in summer
    assert "TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n" in summer
    winter = text[text.index("DTSTART:20261025T") :].split("END:")[0]
    assert "DTSTART:20261025T030000\r\n" in winter


def test_an_appointment_of_many_years_has_rules_for_its_start_and_its_end() -> None:
    starts_at, ends_at = datetime(2026, 7, 1, 18, tzinfo=UTC), datetime(9998, 7, 1, 18, tzinfo=UTC)
    rules = rules_of(written("Europe/Berlin", starts_at, ends_at))
    assert len(rules.subcomponents) < 20
    own = rules.to_tz(lookup_tzid=False)
    assert own.utcoffset(datetime(2026, 7, 1, 20)) == timedelta(hours=2)


@pytest.mark.parametrize("name", ["UTC", "Etc/UTC", "GMT"])
def test_utc_needs_no_rules(name: str) -> None:
    at = datetime(2026, 7, 1, 18, tzinfo=UTC)
    calendar = written(name, at, at + timedelta(hours=2))
    assert not calendar.walk("VTIMEZONE")
    assert calendar.events[0]["DTSTART"].to_ical() == b"20260701T180000Z"


def test_what_is_cancelled_takes_out_what_was_put_in() -> None:
    at = datetime(2026, 7, 1, 18, tzinfo=UTC)
    there = written("Europe/Berlin", at, at + timedelta(hours=2), version=7)
    gone = written("Europe/Berlin", at, at + timedelta(hours=2), version=7, status="CANCELLED")
    assert (there["METHOD"], gone["METHOD"]) == ("PUBLISH", "CANCEL")
    for before, after in zip(there.events, gone.events, strict=True):
        assert before["UID"] == after["UID"]
        assert (before["SEQUENCE"], after["SEQUENCE"]) == (7, 8)
        assert (before["STATUS"], after["STATUS"]) == ("CONFIRMED", "CANCELLED")
        assert "DTSTAMP" in before and "DTSTAMP" in after

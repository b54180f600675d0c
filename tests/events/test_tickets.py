"""What a guest takes along: an entry for the calendar, and a code for each seat."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI
from icalendar import Calendar, Timezone

from event_service.bookings.calendar import booking_calendar_file
from event_service.bookings.tickets import draw
from event_service.models import Event
from event_service.statuses import SeatingKind
from service_kit.calendar_files import local_time
from tests.events.conftest import Json, Publish, User, problem
from tests.events.test_holds import let_lapse

MakeUser = Callable[..., User]


def event_at(starts_at: datetime, timezone: str = "Europe/Berlin", **more: Any) -> Event:
    fields = {"title": "Concert", "venue": "Hall", "city": "Berlin"} | more
    return Event(
        organizer_id=uuid4(),
        timezone=timezone,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        seating=SeatingKind.GENERAL,
        capacity=1,
        version=1,
        **fields,
    )


def read(event: Event) -> tuple[str, Any]:
    """The file as text, and its one entry as a calendar program reads it."""
    content = booking_calendar_file(
        uuid4(), "confirmed", event, url="http://x/", at=datetime.now(UTC)
    )
    calendar = Calendar.from_ical(content)
    (entry,) = calendar.walk("VEVENT")
    return content.decode().replace("\r\n ", ""), entry


async def calendar_of(user: User, booking: Json) -> Any:
    answer = await user.get(f"/bookings/{booking['id']}/calendar.ics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    (entry,) = Calendar.from_ical(answer.content).walk("VEVENT")
    return entry


async def unconfirmed(app: FastAPI, guest: User, published: Publish) -> tuple[Json, Json, Json]:
    """A booking that is held, one whose hold is over, and a cancelled one."""
    event = await published()
    held, lapsed = [(await guest.book(event, hold=True)).json() for _ in range(2)]
    cancelled = (await guest.book(event)).json()
    await let_lapse(app, lapsed)
    await guest.post(f"/bookings/{cancelled['id']}/cancel")
    return held, lapsed, cancelled


# The calendar


async def test_the_calendar_file_says_when_and_where(guest: User, published: Publish) -> None:
    event = await published(title="Winter, concert; new\\old", description="Two\nlines")
    booking = (await guest.book(event)).json()
    entry = await calendar_of(guest, booking)
    assert entry["summary"] == "Winter, concert; new\\old"
    assert entry["description"] == "Two\nlines"
    assert entry["location"] == "Town hall, Berlin"
    assert entry["uid"] == f"{booking['id']}@parterre"
    assert entry["status"] == "CONFIRMED"
    assert entry["url"].endswith(f"/bookings/{booking['id']}")
    starts_at = entry["dtstart"]
    assert starts_at.params["TZID"] == "Europe/Berlin"
    assert starts_at.dt.astimezone(UTC) == datetime.fromisoformat(event["starts_at"])
    assert entry["dtend"].dt.astimezone(UTC) == datetime.fromisoformat(event["ends_at"])


async def test_a_later_file_replaces_an_earlier_one(
    organizer: User, guest: User, published: Publish
) -> None:
    event = await published()
    booking = (await guest.book(event)).json()
    before = await calendar_of(guest, booking)
    later = (datetime.fromisoformat(event["starts_at"]) + timedelta(minutes=5)).isoformat()
    await organizer.patch(f"/events/{event['id']}", {"starts_at": later})
    after = await calendar_of(guest, booking)
    assert after["uid"] == before["uid"]
    assert before["sequence"] == event["version"]
    assert after["sequence"] == event["version"] + 1
    assert after["dtstart"].dt - before["dtstart"].dt == timedelta(minutes=5)


async def test_the_calendar_shows_what_has_become_of_the_booking(
    app: FastAPI, guest: User, published: Publish
) -> None:
    held, lapsed, cancelled = await unconfirmed(app, guest, published)
    states = [(await calendar_of(guest, one))["status"] for one in (held, lapsed, cancelled)]
    assert states == ["TENTATIVE", "CANCELLED", "CANCELLED"]


async def test_the_file_of_a_cancelled_booking_takes_the_entry_out(
    guest: User, published: Publish
) -> None:
    booking = (await guest.book(await published())).json()
    before = await calendar_of(guest, booking)
    await guest.post(f"/bookings/{booking['id']}/cancel")
    answer = await guest.get(f"/bookings/{booking['id']}/calendar.ics")
    after = await calendar_of(guest, booking)
    assert "\r\nMETHOD:CANCEL\r\n" in answer.text
    assert after["uid"] == before["uid"]
    assert after["sequence"] > before["sequence"]


@pytest.mark.parametrize(
    ("starts_at", "written"),
    [
        # Berlin's clocks go from 3:00 back to 2:00 on 25 October 2026, at 1:00 UTC.
        ("2026-10-24T18:00:00Z", "DTSTART;TZID=Europe/Berlin:20261024T200000"),
        ("2026-10-25T18:00:00Z", "DTSTART;TZID=Europe/Berlin:20261025T190000"),
        # 2:30 comes twice: a local time means the first (RFC 5545, 3.3.5), so the second is in UTC.
        ("2026-10-25T00:30:00Z", "DTSTART;TZID=Europe/Berlin:20261025T023000"),
        ("2026-10-25T01:30:00Z", "DTSTART:20261025T013000Z"),
        ("2026-10-25T02:30:00Z", "DTSTART;TZID=Europe/Berlin:20261025T033000"),
        # And from 2:00 on to 3:00 on 28 March 2027.
        ("2027-03-28T00:30:00Z", "DTSTART;TZID=Europe/Berlin:20270328T013000"),
        ("2027-03-28T01:30:00Z", "DTSTART;TZID=Europe/Berlin:20270328T033000"),
    ],
)
def test_times_are_the_events_own_over_a_change_of_the_clocks(starts_at: str, written: str) -> None:
    moment = datetime.fromisoformat(starts_at)
    content, entry = read(event_at(moment))
    assert f"\r\n{written}\r\n" in content
    assert entry["dtstart"].dt.astimezone(UTC) == moment
    assert entry["dtend"].dt.astimezone(UTC) == moment + timedelta(hours=1)


@pytest.mark.parametrize("starts_at", ["2026-07-01T18:00:00Z", "2026-12-01T18:00:00Z"])
def test_the_rules_in_the_file_give_the_right_moment_by_themselves(starts_at: str) -> None:
    """A program that knows no zone database has only VTIMEZONE."""
    moment = datetime.fromisoformat(starts_at)
    content, _ = read(event_at(moment))
    calendar = Calendar.from_ical(content)
    (rules,) = calendar.walk("VTIMEZONE")
    assert isinstance(rules, Timezone)
    assert rules["tzid"] == "Europe/Berlin"
    zone = rules.to_tz(lookup_tzid=False)
    local = moment.astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=zone)
    assert local.utcoffset() == moment.astimezone(ZoneInfo("Europe/Berlin")).utcoffset()


@pytest.mark.parametrize("timezone", ["UTC", "Etc/UTC"])
def test_an_event_in_utc_needs_no_rules(timezone: str) -> None:
    content, entry = read(event_at(datetime(2026, 7, 1, 18, tzinfo=UTC), timezone))
    assert "DTSTART:20260701T180000Z" in content
    assert "VTIMEZONE" not in content


@pytest.mark.parametrize(
    "timezone",
    [
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Africa/Casablanca",
    ],
)
@pytest.mark.parametrize("year", [2001, 2026, 2199])
def test_any_zone_and_year_can_be_written(timezone: str, year: int) -> None:
    moment = datetime(year, 4, 5, 6, 7, tzinfo=UTC)
    _, entry = read(event_at(moment, timezone))
    assert entry["dtstart"].dt.astimezone(UTC) == moment


def test_a_title_cannot_add_lines_to_the_file() -> None:
    content, entry = read(event_at(datetime(2026, 7, 1, tzinfo=UTC), title="A\r\nATTENDEE:x"))
    assert "\r\nATTENDEE" not in content
    assert "attendee" not in entry


def test_lines_are_folded_at_75_bytes() -> None:
    event = event_at(datetime(2026, 7, 1, tzinfo=UTC), title="Ж" * 200)
    content = booking_calendar_file(
        uuid4(), "confirmed", event, url="http://x/", at=datetime.now(UTC)
    )
    assert max(len(line) for line in content.split(b"\r\n")) <= 75
    assert b"\n" not in content.replace(b"\r\n", b"")


def test_the_second_of_two_equal_times_is_told_from_the_first() -> None:
    zone = ZoneInfo("Europe/Berlin")
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    assert local_time(first, zone).tzinfo is zone
    assert local_time(second, zone).tzinfo is UTC


# The codes


async def test_each_seat_has_a_code_of_its_own(guest: User, published: Publish) -> None:
    booking = (await guest.book(await published(), 2)).json()
    images = []
    for seat in booking["seats"]:
        answer = await guest.get(f"/bookings/{booking['id']}/tickets/{seat['id']}.svg")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/svg+xml"
        assert answer.headers["cache-control"] == "no-store"
        assert ElementTree.fromstring(answer.content).tag == "{http://www.w3.org/2000/svg}svg"
        # Drawn again from the code alone it is the same.
        assert answer.content == draw(seat["ticket_code"])
        images.append(answer.content)
    assert images[0] != images[1]


@pytest.mark.parametrize("path", ["calendar.ics", "tickets/{seat}.svg"])
async def test_a_booking_is_ones_own(
    guest: User, user: MakeUser, organizer: User, anybody: Any, published: Publish, path: str
) -> None:
    booking = (await guest.book(await published())).json()
    url = f"/bookings/{booking['id']}/{path.format(seat=booking['seats'][0]['id'])}"
    for stranger in (user(), organizer):
        assert problem(await stranger.get(url)) == (404, "not-found")
    assert problem(await anybody.get(url)) == (401, "not-authenticated")


async def test_a_seat_of_another_booking_has_no_code_here(guest: User, published: Publish) -> None:
    event = await published()
    mine, other = [(await guest.book(event)).json() for _ in range(2)]
    url = f"/bookings/{mine['id']}/tickets/{other['seats'][0]['id']}.svg"
    assert problem(await guest.get(url)) == (404, "not-found")
    url = f"/bookings/{mine['id']}/tickets/not-an-id.svg"
    assert problem(await guest.get(url)) == (422, "invalid-request")


async def test_what_opens_no_door_has_no_code(
    app: FastAPI, guest: User, published: Publish
) -> None:
    held, lapsed, cancelled = await unconfirmed(app, guest, published)
    refusals = [
        problem(await guest.get(f"/bookings/{one['id']}/tickets/{one['seats'][0]['id']}.svg"))
        for one in (held, lapsed, cancelled)
    ]
    assert refusals == [
        (409, "booking-not-confirmed"),
        (409, "hold-expired"),
        (409, "booking-ended"),
    ]
    await guest.post(f"/bookings/{held['id']}/confirm")
    answer = await guest.get(f"/bookings/{held['id']}/tickets/{held['seats'][0]['id']}.svg")
    assert answer.status_code == 200

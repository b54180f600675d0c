"""The calendar file of an event for whoever has not booked, and what a seat costs at least and at most."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from icalendar import Calendar

from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, problem


async def calendar_of(client: httpx.AsyncClient, event: Json) -> tuple[str, Any]:
    """The file, and its one entry as a calendar program reads it."""
    answer = await client.get(f"/events/{event['id']}/calendar.ics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{event["id"]}.ics"'
    (entry,) = Calendar.from_ical(answer.content).walk("VEVENT")
    return answer.text, entry


async def test_whoever_has_not_booked_puts_an_event_into_a_calendar(
    anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published(title="Winter; concert", description="Two\nlines")
    text, entry = await calendar_of(anybody, event)
    assert "\r\nMETHOD:PUBLISH\r\n" in text
    assert entry["summary"] == "Winter; concert"
    assert entry["description"] == "Two\nlines"
    assert entry["location"] == "Town hall, Berlin"
    assert (entry["status"], entry["uid"]) == ("CONFIRMED", f"{event['id']}@parterre")
    assert entry["url"].endswith(f"/events/{event['id']}")
    assert entry["dtstart"].params["TZID"] == "Europe/Berlin"
    assert entry.decoded("dtstart").astimezone(UTC) == datetime.fromisoformat(event["starts_at"])
    assert entry["dtend"].dt.astimezone(UTC) == datetime.fromisoformat(event["ends_at"])


async def test_everybody_gets_the_same_file_until_the_event_changes(
    organizer: User, guest: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published()
    path = f"/events/{event['id']}/calendar.ics"
    first = await anybody.get(path)
    assert (await guest.get(path)).content == first.content
    known = {"If-None-Match": first.headers["etag"]}
    assert (await anybody.get(path, headers=known)).status_code == 304
    later = (datetime.fromisoformat(event["starts_at"]) + timedelta(minutes=5)).isoformat()
    await organizer.patch(f"/events/{event['id']}", {"starts_at": later})
    answer = await anybody.get(path, headers=known)
    assert answer.status_code == 200
    (entry,) = Calendar.from_ical(answer.content).walk("VEVENT")
    assert (entry["sequence"], entry["uid"]) == (event["version"] + 1, f"{event['id']}@parterre")
    assert entry.decoded("dtstart").astimezone(UTC) == datetime.fromisoformat(later)


async def test_the_file_of_a_cancelled_event_takes_the_entry_out(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published()
    _, before = await calendar_of(anybody, event)
    await organizer.post(f"/events/{event['id']}/cancel")
    text, after = await calendar_of(anybody, event)
    assert "\r\nMETHOD:CANCEL\r\n" in text
    assert (after["status"], after["uid"]) == ("CANCELLED", before["uid"])
    assert after["sequence"] > before["sequence"]


async def test_a_booking_is_an_entry_of_its_own_that_belongs_to_the_events(
    guest: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    """Cancelled by itself; and only what is booked makes somebody busy."""
    event = await published(capacity=5)
    _, noted = await calendar_of(anybody, event)
    assert (noted["transp"], "related-to" in noted) == ("TRANSPARENT", False)
    bookings = [(await guest.book(event)).json() for _ in range(2)]
    entries = []
    for booking in bookings:
        answer = await guest.get(f"/bookings/{booking['id']}/calendar.ics")
        (entry,) = Calendar.from_ical(answer.content).walk("VEVENT")
        entries.append(entry)
    assert [entry["related-to"] for entry in entries] == [noted["uid"]] * 2
    assert len({noted["uid"], *(entry["uid"] for entry in entries)}) == 3
    assert not any("transp" in entry for entry in entries)


async def test_a_draft_has_no_file(organizer: User) -> None:
    draft = (await organizer.post("/events", event_body())).json()
    answer = await organizer.get(f"/events/{draft['id']}/calendar.ics")
    assert problem(answer) == (404, "not-found")


PRICED: list[Json] = [
    {"name": "Stalls", "price": 5000, "rows": [{"name": "A", "seats": 2}]},
    {"name": "Gallery", "price": 1500, "rows": [{"name": "A", "seats": 2}]},
    # The event's own.
    {"name": "Balcony", "rows": [{"name": "A", "seats": 2}]},
]


def prices(event: Json) -> tuple[int, int, int]:
    return event["price"], event["price_from"], event["price_to"]


async def test_an_event_says_what_a_seat_costs_at_least_and_at_most(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    plan = {"kind": "assigned", "sections": PRICED}
    hall = await published(city="Priced City", price=2500, seating=plan)
    assert prices(hall) == (2500, 1500, 5000)
    assert prices(await published(price=2500)) == (2500, 2500, 2500)
    [listed] = (await anybody.get("/events", params={"city": "Priced City"})).json()["items"]
    shown = (await anybody.get(f"/events/{hall['id']}")).json()
    assert [prices(listed), prices(shown)] == [(2500, 1500, 5000)] * 2
    query = f'{{ event(id: "{hall["id"]}") {{ price priceFrom priceTo }} }}'
    answer = (await anybody.post("/graphql", json={"query": query})).json()["data"]["event"]
    assert list(answer.values()) == [2500, 1500, 5000]


async def test_a_new_price_of_a_section_is_seen_by_the_next_read(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    plan = {"kind": "assigned", "sections": PRICED}
    hall = await published(city="Repriced City", price=2500, seating=plan)
    path = "/events?city=Repriced%20City"
    assert prices((await anybody.get(path)).json()["items"][0]) == (2500, 1500, 5000)
    sections = [PRICED[0] | {"price": 9000}, PRICED[1] | {"price": 0}, PRICED[2]]
    changed = await organizer.patch(f"/events/{hall['id']}", {"sections": sections})
    assert prices(changed.json()) == (2500, 0, 9000)
    assert prices((await anybody.get(path)).json()["items"][0]) == (2500, 0, 9000)

"""What one has booked stands in a calendar once, and drafts hide no event of one's own."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from icalendar import Calendar
from playwright.sync_api import Page, expect

from tests.page.windows import sign_in
from tests.system.people import Person, publish

MakePerson = Callable[..., Person]
# Own events come by so many at a time.
EVENTS_ON_A_PAGE = 24


def saved_entry(page: Page) -> Any:
    with page.expect_download() as file:
        page.get_by_role("link", name="Add to calendar").click()
    (entry,) = Calendar.from_ical(file.value.path().read_bytes()).walk("VEVENT")
    return entry


def test_whoever_has_booked_gets_the_bookings_entry_on_the_events_page(
    page: Page, organizer: Person, person: MakePerson
) -> None:
    guest = person("own-calendar")
    event = publish(organizer, title="In my calendar")
    sign_in(page, guest)
    page.goto(f"/events/{event['id']}")
    assert saved_entry(page)["uid"] == f"{event['id']}@parterre"
    page.get_by_role("button", name="Book now").click()
    expect(page.get_by_text("Booked. Your tickets are ready.")).to_be_visible()
    (booking,) = guest.send("GET", "/bookings", 200).json()["items"]
    entry = saved_entry(page)
    assert (entry["uid"], entry["related-to"]) == (
        f"{booking['id']}@parterre",
        f"{event['id']}@parterre",
    )


def test_an_event_behind_many_drafts_can_be_reached(page: Page, person: MakePerson) -> None:
    owner = person("many-drafts")
    event = publish(owner, title="Behind the drafts")
    before = datetime.fromisoformat(event["starts_at"]) - timedelta(days=1)
    for number in range(EVENTS_ON_A_PAGE):
        copy = {"starts_at": before.isoformat(), "title": f"Draft {number}"}
        owner.send("POST", f"/events/{event['id']}/duplicate", 201, json=copy)
    sign_in(page, owner)
    page.goto("/my-events")
    drafts = page.locator(".own-events", has=page.get_by_role("heading", name="Drafts"))
    expect(drafts.locator(".card")).to_have_count(EVENTS_ON_A_PAGE)
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_role("link", name="Behind the drafts")).to_be_visible()

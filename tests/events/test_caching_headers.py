"""What is personal is kept by no cache; what all see alike may be kept, and is asked for each time."""

import httpx

from tests.event_bodies import event_body
from tests.events.conftest import Publish, User


async def test_personal_answers_are_kept_by_no_cache(
    organizer: User, guest: User, published: Publish, anybody: httpx.AsyncClient
) -> None:
    event = await published()
    draft = (await organizer.post("/events", event_body())).json()
    booking = (await guest.book(event)).json()
    personal = [
        await organizer.post("/events", event_body()),
        await organizer.patch(f"/events/{event['id']}", {"title": "Another"}),
        await organizer.get(f"/events/{draft['id']}"),
        await organizer.get("/events?organizer=me"),
        await organizer.get(f"/events/{event['id']}/bookings"),
        await organizer.get(f"/events/{event['id']}/attendees.csv"),
        await guest.get(f"/events/{draft['id']}"),
        await guest.get("/bookings"),
        await guest.get(f"/bookings/{booking['id']}"),
        await guest.get(f"/bookings/{booking['id']}/calendar.ics"),
        await guest.get(f"/events/{event['id']}/seats"),
        await guest.get(f"/events/{event['id']}/availability"),
        await guest.post("/graphql", {"query": "{ viewer { bookings { nextCursor } } }"}),
        await guest.post("/bookings", {}),
        await guest.get("/nowhere"),
        await anybody.get("/bookings"),
    ]
    for answer in personal:
        assert answer.headers["cache-control"] == "no-store", (answer.request.url, answer.text)


async def test_what_all_see_alike_may_be_kept(
    guest: User, published: Publish, anybody: httpx.AsyncClient
) -> None:
    event = await published()
    for client in (anybody, guest.http):
        for path in ("/events", f"/events/{event['id']}", f"/events/{event['id']}/calendar.ics"):
            answer = await client.get(path)
            assert answer.headers["cache-control"] == "no-cache", path
            again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")
        page = await client.get("http://localhost/")
        assert page.headers["cache-control"] != "no-store"

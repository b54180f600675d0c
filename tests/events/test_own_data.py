"""Everything that event-service knows of a person, for that person to download."""

from collections.abc import Callable

import httpx
import pytest

from service_kit.web import downloads
from tests.event_bodies import event_body
from tests.events.conftest import Publish, User, problem
from tests.events.test_halls import kept
from tests.events.waitlist import join

MakeUser = Callable[..., User]
URL = "/bookings/me/data"


async def test_a_person_downloads_bookings_waitlist_events_and_halls(
    user: MakeUser, published: Publish
) -> None:
    ann, other = user(name="Ann"), user(name="Bob")
    full = await published(capacity=1)
    await other.book(full)
    await join(ann, full)
    event = await published(capacity=9)
    booking = (await ann.book(event, 2)).json()
    draft = (await ann.post("/events", event_body(title="Mine"))).json()
    hall = await kept(ann)
    await kept(other)
    answer = await ann.get(URL)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == 'attachment; filename="bookings.json"'
    body = answer.json()
    assert set(body) == {"bookings", "waitlist", "events", "halls"}
    assert body["bookings"] == (await ann.get("/bookings")).json()["items"]
    assert body["bookings"][0]["id"] == booking["id"]
    assert body["waitlist"] == (await ann.get("/waitlist")).json()["items"]
    assert body["events"] == [draft]
    assert body["halls"] == [hall]
    nobody = (await user().get(URL)).json()
    assert nobody == {"bookings": [], "waitlist": [], "events": [], "halls": []}


async def test_more_than_a_page_is_complete(
    user: MakeUser, published: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MAX_LIMIT", 2)
    ann, event = user(), await published(capacity=9)
    made = [(await ann.book(event)).json()["id"] for _ in range(5)]
    body = (await ann.get(URL)).json()
    assert [booking["id"] for booking in body["bookings"]] == made[::-1]


async def test_only_a_person_downloads_it(anybody: httpx.AsyncClient) -> None:
    assert problem(await anybody.get(URL)) == (401, "not-authenticated")

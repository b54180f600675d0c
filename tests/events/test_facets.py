"""How many events of the list are in which city and category."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from event_service.events import facets as facets_module
from event_service.events import pages
from event_service.maintenance import fold_tallies
from service_kit.ids import new_id
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User
from tests.events.test_page_ages import begun, soon
from tests.events.waitlist import change

MakeUser = Callable[..., User]


@pytest.fixture(autouse=True)
async def no_other_events(app: FastAPI) -> None:
    """Those of other tests: the most frequent values are counted, of all events."""
    await change(app, "UPDATE event SET status = 'cancelled' WHERE status = 'published'")
    await change(app, "INSERT INTO stale_tag (id, tag) VALUES (:id, 'facets')", id=new_id())
    await app.state.pages._tag_versions.bump(["facets"])


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []

    async def counted(*args: Any) -> Any:
        seen.append("read_facets")
        return await facets_module.read_facets(*args)

    monkeypatch.setattr(pages, "read_facets", counted)
    return seen


async def counts(anybody: httpx.AsyncClient) -> tuple[dict[str, int], dict[str, int]]:
    answer = await anybody.get("/events/facets")
    assert answer.status_code == 200
    body: Json = answer.json()
    assert set(body) == {"cities", "categories"}
    cities, categories = (
        {one["value"]: one["count"] for one in body[name]} for name in ("cities", "categories")
    )
    return cities, categories


async def test_what_is_listed_is_counted_by_city_and_category(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    assert await counts(anybody) == ({}, {})
    for city, category in (("Köln", "Jazz"), ("Köln", ""), ("KOLN", "jazz"), ("Bonn", "Opera")):
        await published(city=city, category=category)
    await organizer.post("/events", event_body(city="Draft City", category="Draft"))
    past = datetime.now(UTC) - timedelta(days=2)
    over = {"starts_at": past.isoformat(), "ends_at": (past + timedelta(hours=1)).isoformat()}
    await published(city="Past City", category="Past", **over)
    assert await counts(anybody) == ({"Köln": 3, "Bonn": 1}, {"Jazz": 2, "Opera": 1})
    for city, count in (("Köln", 3), ("Bonn", 1)):
        listed = (await anybody.get("/events", params={"city": city})).json()["items"]
        assert len(listed) == count


async def test_each_change_of_an_event_is_seen_and_bookings_read_nothing(
    app: FastAPI,
    organizer: User,
    guest: User,
    anybody: httpx.AsyncClient,
    published: Publish,
    reads: list[str],
) -> None:
    event = await published(city="Bonn")
    url = f"/events/{event['id']}"
    assert await counts(anybody) == ({"Bonn": 1}, {})
    first, second = await anybody.get("/events/facets"), await anybody.get("/events/facets")
    assert first.headers["etag"] == second.headers["etag"]
    known = {"If-None-Match": first.headers["ETag"]}
    assert (await anybody.get("/events/facets", headers=known)).status_code == 304
    await guest.book(event)
    assert await fold_tallies(app.state.database) is False
    await counts(anybody)
    assert reads == ["read_facets"]
    await organizer.patch(url, {"city": "Trier"})
    assert await counts(anybody) == ({"Trier": 1}, {})
    await organizer.post(f"{url}/cancel")
    assert await counts(anybody) == ({}, {})


async def test_an_event_is_counted_until_it_begins(
    anybody: httpx.AsyncClient, published: Publish
) -> None:
    event, later = await soon(published), await published(city="Bonn")
    assert await counts(anybody) == ({event["city"]: 1, later["city"]: 1}, {})
    await begun(event)
    assert await counts(anybody) == ({later["city"]: 1}, {})


async def test_the_most_frequent_values_come_first_and_no_more_than_so_many(
    anybody: httpx.AsyncClient, published: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets_module, "VALUES_PER_FACET", 2)
    for city in ("Trier", "Bonn", "Ulm", "Ulm"):
        await published(city=city)
    cities, _ = await counts(anybody)
    assert list(cities.items()) == [("Ulm", 2), ("Bonn", 1)]

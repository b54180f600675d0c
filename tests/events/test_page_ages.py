"""What is kept of pages comes to an end: by age, by number, and for what does not exist at once."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis

from event_service import page_store
from event_service.page_store import Page, PageStore
from service_kit.ids import new_id
from tests.events.conftest import Json, Publish

SOON_SECONDS = 3.0


async def begun(event: Json) -> None:
    starts_at = datetime.fromisoformat(event["starts_at"])
    await asyncio.sleep(max(0.0, (starts_at - datetime.now(UTC)).total_seconds()))


async def soon(published: Publish) -> Json:
    starts_at = datetime.now(UTC) + timedelta(seconds=SOON_SECONDS)
    ends_at = starts_at + timedelta(hours=1)
    return await published(
        starts_at=starts_at.isoformat(), ends_at=ends_at.isoformat(), city=f"City {new_id()}"
    )


async def is_listed(anybody: httpx.AsyncClient, event: Json) -> bool:
    answer = await anybody.get("/events", params={"city": event["city"]})
    return bool(answer.json()["items"])


async def test_an_event_leaves_the_list_when_it_begins_though_nothing_changes(
    anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await soon(published)
    later = await published(city=event["city"])
    before = await anybody.get("/events", params={"city": event["city"]})
    assert [one["id"] for one in before.json()["items"]] == [event["id"], later["id"]]

    async def again() -> httpx.Response:
        known = {"If-None-Match": before.headers["ETag"]}
        return await anybody.get("/events", params={"city": event["city"]}, headers=known)

    assert (await again()).status_code == 304
    query = {"query": f'{{ events(city: "{event["city"]}") {{ items {{ id }} }} }}'}
    await anybody.post("/graphql", json=query)
    await begun(event)
    after = await again()
    assert after.status_code == 200
    assert [one["id"] for one in after.json()["items"]] == [later["id"]]
    data = (await anybody.post("/graphql", json=query)).json()["data"]
    assert [one["id"] for one in data["events"]["items"]] == [later["id"]]


async def test_control_without_an_age_it_stays_listed(
    anybody: httpx.AsyncClient, published: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_page = PageStore.new_page

    def ageless(store: PageStore, content: bytes, *_: float, **__: float) -> Page:
        return new_page(store, content)

    monkeypatch.setattr(PageStore, "new_page", ageless)
    event = await soon(published)
    assert await is_listed(anybody, event)
    await begun(event)
    assert await is_listed(anybody, event)


async def test_a_process_that_takes_a_page_from_redis_shows_it_no_longer(app: FastAPI) -> None:
    mine = app.state.pages.store
    other = PageStore(mine._redis, max_age_seconds=300)
    key = f"test:{new_id()}"
    await mine.set(key, mine.new_page(b"page", 1.0))
    taken = await other.get(key)
    assert taken is not None and taken == b"page"
    assert taken.valid_until <= time.monotonic() + 1.0
    while time.monotonic() < taken.valid_until:
        await asyncio.sleep(0.05)
    assert other.find_local(key) is mine.find_local(key) is None
    assert await other.get(key) is None


async def test_ids_that_nothing_has_leave_no_trace(
    app: FastAPI, anybody: httpx.AsyncClient, redis_url: str
) -> None:
    store = app.state.pages.store
    async with Redis.from_url(redis_url) as client:
        keys, kept = set(await client.keys("*")), set(store._local)
        for _ in range(30):
            nothing = new_id()
            query = {"query": f'{{ event(id: "{nothing}") {{ title }} }}'}
            assert (await anybody.get(f"/events/{nothing}")).status_code == 404
            assert (await anybody.get(f"/events/{nothing}")).status_code == 404
            await anybody.post("/graphql", json=query)
        # Others' keys may have come to an end meanwhile.
        assert set(await client.keys("*")) <= keys
    assert set(store._local) <= kept
    assert app.state.pages.flights.is_idle


async def test_what_exists_is_kept_from_the_second_reader_on(
    app: FastAPI, anybody: httpx.AsyncClient, published: Publish, redis_url: str
) -> None:
    event = await published()
    async with Redis.from_url(redis_url) as client:
        await client.flushdb()
    kept: Any = app.state.pages.store._local
    before = len(kept)
    for _ in range(3):
        assert (await anybody.get(f"/events/{event['id']}")).status_code == 200
    assert len(kept) == before + 1


@pytest.mark.parametrize("page", [b"", b"x" * 3_000])
async def test_a_process_keeps_so_many_pages_however_short(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, page: bytes
) -> None:
    monkeypatch.setattr(page_store, "MAX_LOCAL_PAGES", 100)
    store = PageStore(app.state.pages.store._redis, max_age_seconds=300, max_local_bytes=200_000)
    for number in range(1_000):
        store.add_local(f"key {number}", store.new_page(page))
    assert len(store._local) <= 100
    assert store._local.currsize <= 200_000
    assert store.find_local("key 999") == page and store.find_local("key 0") is None
    store.add_local("too large", store.new_page(b"x" * 300_000))
    assert store.find_local("too large") is None

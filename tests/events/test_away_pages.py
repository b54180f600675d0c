"""What people read when a page cannot be made; programs get the problem."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from event_service.settings import Settings
from stack.ports import free_port
from tests.events.conftest import Publish, problem, running

PEOPLE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
EVENT = "01a20a02-22cb-71d7-8ae8-000000000001"


@asynccontextmanager
async def browsing(settings: Settings, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with running(Settings.model_validate(settings.model_dump() | changes)) as app:
        transport = httpx.ASGITransport(app, client=("192.0.2.78", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client


def assert_is_page(answer: httpx.Response, status: int, *words: str) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-length"] == str(len(answer.content))
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert answer.headers["x-request-id"] and answer.headers["x-frame-options"] == "DENY"
    for word in words:
        assert word in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "postgres.invalid"])
async def test_while_postgresql_is_away_people_read_that_and_may_try_again(
    settings: Settings, host: str
) -> None:
    """Docker forgets the name of a container that has stopped."""
    nobody = f"postgresql+asyncpg://nobody:x@{host}:{free_port()}/nothing"
    async with browsing(
        settings, database_url=nobody, cache_redis_url="redis://127.0.0.1:1/0"
    ) as browser:
        for path in ("/", "/?q=jazz", f"/events/{EVENT}"):
            answer = await browser.get(path, headers=PEOPLE)
            assert_is_page(answer, 503, "That did not work", 'href=""', "Not available")
            assert answer.headers["retry-after"] == "1"
            russian = await browser.get(path, headers=PEOPLE | {"Accept-Language": "ru"})
            assert '<html lang="ru"' in russian.text and "Not available" not in russian.text
            assert problem(await browser.get(path)) == (503, "unavailable")
        assert (await browser.get("/bookings", headers=PEOPLE)).status_code == 200
        assert problem(await browser.get("/api/v1/events", headers=PEOPLE)) == (503, "unavailable")


async def test_who_asks_too_often_reads_for_how_long(settings: Settings) -> None:
    limits = {"rate_limit_enabled": True, "default_rate_limit": "2/minute"}
    async with browsing(settings, **limits) as browser:
        answers = [await browser.get("/", headers=PEOPLE) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        seconds = answers[-1].headers["retry-after"]
        assert_is_page(answers[-1], 429, f"Try again in {seconds} s.")
        head = await browser.head("/", headers=PEOPLE)
        assert head.status_code == 429 and head.headers["content-type"].startswith("text/html")


async def test_a_door_that_is_not_there_is_a_page_to_people(browser: httpx.AsyncClient) -> None:
    assert_is_page(await browser.get("/events/x/door", headers=PEOPLE), 404, "nothing here")
    assert problem(await browser.get("/events/x/door")) == (404, "not-found")


async def test_without_redis_pages_are_made_as_ever(settings: Settings, published: Publish) -> None:
    event = await published(title="Without a cache")
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    limits = {"rate_limit_enabled": True, "cache_redis_url": nowhere, "broker_url": nowhere}
    async with browsing(settings, **limits) as browser:
        for path in (f"/events/{event['id']}", "/?q=without"):
            answer = await browser.get(path, headers=PEOPLE)
            assert answer.status_code == 200 and "Without a cache" in answer.text

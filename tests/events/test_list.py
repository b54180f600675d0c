"""Finding events: pages, filters, search, and what a forged cursor gets."""

import base64
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.event_bodies import event_body
from tests.events.conftest import Publish, User, problem

START = datetime(2100, 1, 1, tzinfo=UTC)


def at(day: int) -> dict[str, str]:
    starts = START + timedelta(days=day)
    return {
        "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(hours=1)).isoformat(),
    }


@pytest.fixture
async def series(published: Publish) -> AsyncIterator[list[dict[str, Any]]]:
    """Seven events of one organizer; two begin at the same moment."""
    days = (0, 1, 2, 2, 3, 4, 5)
    yield [await published(title=f"Series {n}", **at(day)) for n, day in enumerate(days)]


async def ids(client: httpx.AsyncClient, **parameters: Any) -> list[str]:
    """All pages of a list."""
    found: list[str] = []
    while True:
        answer = await client.get("/events", params=parameters)
        assert answer.status_code == 200, answer.text
        found += [event["id"] for event in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found
        parameters["cursor"] = cursor


@pytest.mark.parametrize("sort", ["starts_at", "-starts_at", "-created_at"])
async def test_pages_hold_everything_once_in_order(
    series: list[dict[str, Any]], organizer: User, anybody: httpx.AsyncClient, sort: str
) -> None:
    paged = await ids(anybody, organizer=str(organizer.id), sort=sort, limit=2)
    assert sorted(paged) == sorted(event["id"] for event in series)
    column = sort.lstrip("-")
    order = sorted(series, key=lambda event: (event[column], event["id"]))
    expected = [event["id"] for event in order]
    assert paged == (expected[::-1] if sort.startswith("-") else expected)


async def test_a_row_added_meanwhile_neither_repeats_nor_hides_another(
    series: list[dict[str, Any]],
    organizer: User,
    anybody: httpx.AsyncClient,
    published: Publish,
) -> None:
    by = {"organizer": str(organizer.id), "limit": "3"}
    first = (await anybody.get("/events", params=by)).json()
    await published(**at(-1))
    rest = await ids(anybody, **by, cursor=first["next_cursor"])
    assert [e["id"] for e in first["items"]] + rest == [event["id"] for event in series]


async def test_filters_narrow_the_list(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    moscow = await published(city="Москва", category="Jazz", **at(0))
    berlin = await published(city="Berlin", category="jazz", **at(10))
    by = {"organizer": str(organizer.id)}
    assert await ids(anybody, **by, city="москва") == [moscow["id"]]
    assert await ids(anybody, **by, category="JAZZ") == [moscow["id"], berlin["id"]]
    assert await ids(anybody, **by, starts_from=at(5)["starts_at"]) == [berlin["id"]]
    assert await ids(anybody, **by, starts_to=at(5)["starts_at"]) == [moscow["id"]]
    assert await ids(anybody, **by, city="москва", category="opera") == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("концерты", True),
        ("violinists", True),
        ("городской зал", True),
        ("violin -концерт", False),
        ("опера", False),
        ("'; DROP TABLE event; --", False),
        ("& | ! ( ) :* <->", False),
        ("%", False),
    ],
)
async def test_full_text_search_stems_english_and_russian(
    organizer: User, anybody: httpx.AsyncClient, published: Publish, query: str, found: bool
) -> None:
    event = await published(
        title="Концерт", description="A violinist plays", venue="Городской зал", **at(0)
    )
    listed = await ids(anybody, organizer=str(organizer.id), q=query)
    assert listed == ([event["id"]] if found else [])


async def test_the_list_shows_what_is_published_and_has_not_begun(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    now = datetime.now(UTC)
    shown = await published()
    begun = await published(starts_at=(now - timedelta(hours=1)).isoformat())
    cancelled = await published()
    await organizer.post(f"/events/{cancelled['id']}/cancel")
    draft = (await organizer.post("/events", event_body())).json()
    assert await ids(anybody, organizer=str(organizer.id)) == [shown["id"]]
    own = [event["id"] for event in (await organizer.get("/events?organizer=me")).json()["items"]]
    assert sorted(own) == sorted(event["id"] for event in (shown, begun, cancelled, draft))


async def test_ones_own_list_asks_for_a_sign_in_and_shows_no_others(
    user: Callable[..., User], anybody: httpx.AsyncClient, published: Publish
) -> None:
    await published()
    refused = await anybody.get("/events?organizer=me")
    assert problem(refused) == (401, "not-authenticated")
    assert (await user().get("/events?organizer=me")).json()["items"] == []


def forged(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=101",
        "limit=1000000000",
        "limit=x",
        "sort=price",
        "starts_from=yesterday",
        "starts_from=0001-01-01T00:00:00Z",
        "starts_to=9999-12-31T23:59:59-14:00",
        "organizer=nobody",
        "q=%00",
        "city=%00",
        "cursor=%00",
        "cursor=abc",
        "cursor=" + "a" * 501,
        "cursor=" + forged("null"),
        "cursor=" + forged('["starts_at", 1, 2]'),
        "cursor=" + forged('["starts_at", "2027-01-01T00:00:00", "x"]'),
        "cursor=" + forged('["-starts_at", "2027-01-01T00:00:00Z", "' + "0" * 32 + '"]'),
        "cursor=" + forged('["starts_at", "2027-01-01T00:00:00", "' + "0" * 32 + '"]'),
    ],
)
async def test_a_list_that_makes_no_sense_is_refused(
    anybody: httpx.AsyncClient, query: str
) -> None:
    assert problem(await anybody.get(f"/events?{query}")) == (422, "invalid-request")

"""What it costs to render pages: whoever asks for them, or writes what stands in them, stops nobody else."""

import gzip
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from itertools import product
from uuid import uuid4

import httpx
import pytest

from event_service.settings import Settings
from tests.events.conftest import Json, Publish, User, running

EVENTS = 24
# The hardest to compress and to escape, as long as a description may be.
SIGNS = {
    "escaped": "<>&",
    "four-bytes": "".join(map(chr, range(0x1F300, 0x1F600))),
    "paragraphs": "ab\n\n",
}
# Of the event loop, on a slow machine. Before they were bounded: 0.4 s a header, 2 s a list.
SECONDS = 1.0
# Not on the first page of the list, where other tests look.
LATER = {"starts_at": "2099-01-01T18:00:00Z", "ends_at": "2099-01-01T20:00:00Z"}


async def loop_seconds(ask: Callable[[], Awaitable[httpx.Response]]) -> tuple[float, str]:
    """What an answer takes of the event loop's thread; and the answer."""
    began = time.thread_time()
    answer = await ask()
    seconds = time.thread_time() - began
    assert answer.status_code == 200, answer.text
    return seconds, answer.text


@pytest.fixture
async def visitor(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """As ``browser``, where pages are stored: in development each is made anew."""
    async with running(settings.model_copy(update={"environment": "test"})) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client


@pytest.fixture
def compressed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of what is compressed from now on."""
    lengths: list[int] = []
    compress = gzip.compress

    def note(content: bytes, *arguments: int, **options: int) -> bytes:
        lengths.append(len(content))
        return compress(content, *arguments, **options)

    monkeypatch.setattr(gzip, "compress", note)
    return lengths


@pytest.mark.parametrize(
    "part",
    [" ", "\t", "-a", "-aaaaaaaa", "; q=0.1 ", "en ", ";", "q"],
    ids=["spaces", "tabs", "short", "long", "weights", "tags", "semicolons", "letters"],
)
async def test_a_long_list_of_languages_stops_nobody(visitor: httpx.AsyncClient, part: str) -> None:
    await visitor.get("/account")
    seconds = 0.0
    for number in range(5):
        headers = {"Accept-Language": ("en" + part * 8_000)[: 8_000 - number] + "!"}
        seconds += (await loop_seconds(partial(visitor.get, "/account", headers=headers)))[0]
    assert seconds < SECONDS


async def test_the_head_of_a_refused_request_stops_nobody(settings: Settings) -> None:
    """Whoever asks too often is told so in a page. Python takes quoted cookies apart in quadratic time; how
    long a header is, is looked at later."""
    limits = {"environment": "test", "rate_limit_enabled": True, "static_rate_limit": "1/hour"}
    async with running(settings.model_copy(update=limits)) as app:
        transport = httpx.ASGITransport(app, client=(f"2001:db8::{uuid4().hex[:4]}", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            headers = {"Accept": "text/html", "Cookie": 'a="' + '\\"' * 28_000 + '"'}
            await client.get("/account", headers={"Accept": "text/html"})
            began = time.thread_time()
            answer = await client.get("/account", headers=headers)
            seconds = time.thread_time() - began
            assert answer.status_code == 429
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert seconds < SECONDS


@pytest.mark.parametrize("signs", SIGNS.values(), ids=SIGNS)
async def test_a_list_of_the_longest_events_stops_nobody(
    visitor: httpx.AsyncClient, published: Publish, compressed: list[int], signs: str
) -> None:
    word = uuid4().hex
    draw = random.Random(7)
    for _ in range(EVENTS):
        text = "".join(draw.choices(signs, k=9_900))
        event = await published(title=f"{word} {'<' * 150}", description=f"a{text}z", **LATER)
    await visitor.get("/")
    path = f"/?q={word}"
    await visitor.get(f"/api/v1/events?q={word}&limit={EVENTS}")
    compressed.clear()
    seconds, html = await loop_seconds(lambda: visitor.get(path))
    assert html.count("<article") == EVENTS
    assert seconds < SECONDS
    assert len(html) < 1_000_000
    assert (await visitor.get(path)).text == html
    assert len(compressed) == 1, "the page was stored"
    seconds, html = await loop_seconds(lambda: visitor.get(f"/events/{event['id']}"))
    assert seconds < SECONDS


async def test_what_comes_along_for_the_scripts_is_not_long(
    visitor: httpx.AsyncClient, published: Publish
) -> None:
    word = uuid4().hex
    for _ in range(20):
        await published(title=word, description="A" * 6_000, **LATER)
    html = (await visitor.get(f"/?q={word}")).text
    assert html.count("<article") == 20 and 'id="answers"' not in html


async def test_nothing_is_compressed_for_each_visit(
    visitor: httpx.AsyncClient, published: Publish, compressed: list[int]
) -> None:
    event = await published()
    paths = ("/", f"/events/{event['id']}", "/sitemap-1.xml", "/door-worker.js", "/privacy")
    for path in paths:
        first = await visitor.get(path)
        compressed.clear()
        again = await visitor.get(path)
        assert (again.status_code, again.content) == (200, first.content)
        assert not compressed, path


async def test_only_places_with_events_are_offered_to_search_engines(
    visitor: httpx.AsyncClient, published: Publish
) -> None:
    await published(city="Quedlinburg")
    hidden = 'name="robots" content="noindex"'
    assert hidden not in (await visitor.get("/?city=Quedlinburg")).text
    for path in ("/?city=Buy+now+at+shop.example", "/?category=Anything+at+all"):
        assert hidden in (await visitor.get(path)).text


COOKIES = ("", "csrf_token=x", "parterre_language=ru", "csrf_token=x; parterre_language=en")
WANTED = ("", "en-US", "ru-RU,ru;q=0.9,en;q=0.8", "ru-KZ", "de")


async def draft_of(organizer: User, like: Json) -> str:
    body = {k: like[k] for k in ("venue", "city", "timezone", "starts_at", "ends_at", "price")}
    body |= {"title": "Secret plan", "seating": {"kind": "general", "capacity": 5}}
    draft: str = (await organizer.post("/events", body)).json()["id"]
    return draft


async def test_a_stored_page_is_the_one_that_was_asked_for(
    visitor: httpx.AsyncClient, browser: httpx.AsyncClient, organizer: User, published: Publish
) -> None:
    """Whoever asks, in whatever order: as it would be made for nobody else."""
    event, cancelled = [await published(title=f"Stored {n}", **LATER) for n in range(2)]
    await organizer.post(f"/events/{cancelled['id']}/cancel")
    draft = await draft_of(organizer, event)
    paths = [
        *("/?q=stored", "/?q=Stored", "/?q=stored&sort=starts_at", "/?q=stored&city=Nowhere"),
        *("/?q=stored&cursor=x", "/?q=stored&when=today", f"/?lang=ru&city={event['city']}"),
        *(f"/events/{id}" for id in (event["id"], cancelled["id"], draft)),
        *("/account", "/admin/users", "/admin/events", "/privacy", "/contact", "/nowhere"),
        f"/events/{event['id']}/door",
    ]
    asked = [
        (path, {"Accept": "text/html", "Cookie": cookie, "Accept-Language": wanted})
        for path, cookie, wanted in product(paths, COOKIES, WANTED)
    ]
    organizers = {"Authorization": organizer.http.headers["Authorization"], "Accept": "text/html"}
    asked += [(path, organizers) for path in paths]

    async def ask(client: httpx.AsyncClient, number: int) -> httpx.Response:
        path, headers = asked[number]
        answer = await client.get(path, headers=headers)
        # The choice of a language is a cookie of those who chose.
        client.cookies.clear()
        return answer

    made = [(await ask(browser, number)).content for number in range(len(asked))]
    draw = random.Random(7)
    for order in (draw.sample(range(len(asked)), len(asked)) for _ in range(2)):
        for number in order:
            answer = await ask(visitor, number)
            assert answer.content == made[number], asked[number]
            assert b"Secret plan" not in answer.content
            assert {"Accept-Language", "Cookie"} <= set(answer.headers["vary"].split(", "))

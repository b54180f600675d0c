"""How fast events are listed, from the cache and from the database."""

import itertools
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from urllib.parse import quote

import httpx

from benchmarks import load
from benchmarks.lines import Line, by_turns
from benchmarks.servers import Bench, check_statuses, statements
from stack.services import EVENT

CONNECTIONS = 64
FEW, MANY = 1_000, 1_000_000
PAGE = 20
FAR_PAGE = 1_000
SAMPLES = 60
REPEATED = 5


def event_list(bench: Bench) -> list[Line]:
    for number in range(PAGE):
        bench.publish(50, title=f"Event {number}")
    query = f"city=Berlin&limit={PAGE}"
    path = f"/api/v1/events?{query}"
    page: Any = httpx.get(f"{bench.url('event')}{path}").json()
    own, other = bench.ports["event"], bench.start_comparison()
    httpx.put(f"http://127.0.0.1:{other}/page", json=page).raise_for_status()

    def rate(port: int, path: str) -> float:
        requests = itertools.repeat(load.request("GET", path))
        return bench.measure(requests, connections=CONNECTIONS, port=port).per_second

    cached, bare, decorated = by_turns(
        bench.turns,
        lambda: rate(own, path),
        lambda: rate(other, f"/constant?{query}"),
        lambda: rate(other, f"/stock?{query}"),
    )
    return [
        Line("event list, a constant answer", cached, bare, "/s", ">= 0.7"),
        Line("event list, the stock @cache()", cached, decorated, "/s", ">= 3"),
    ]


def growth(bench: Bench) -> list[Line]:
    """Pages as the database gives them, in units of a small question (what is free at one event)
    that is asked in turns with them: a machine that is slower for a while is so for both."""
    unit = load.request("GET", f"/api/v1/events/{bench.publish(100)}/availability")
    _fill(bench, FEW)
    few = median(_page_in_units(bench, unit) for _ in range(REPEATED))
    _fill(bench, MANY)
    far = f"&cursor={quote(_cursor_of_far_page(bench))}"
    pairs = [
        (_page_in_units(bench, unit), _page_in_units(bench, unit, far)) for _ in range(REPEATED)
    ]
    first, thousandth = map(median, zip(*pairs, strict=True))
    name = f"page of {MANY:,} events, first of {FEW:,}"
    return [
        Line(f"first {name}", first, few, "units", "<= 1.3"),
        Line(f"1,000th {name}", thousandth, few, "units", "<= 1.3"),
    ]


def _fill(bench: Bench, number: int) -> None:
    """Adds published events until there are so many."""
    bench.sql(EVENT, statements.without_search)
    bench.sql(EVENT, statements.fill_with_events, number=number)
    bench.sql(EVENT, statements.with_search)
    bench.sql(EVENT, statements.vacuum)


_numbers = itertools.count(1)


def _page_in_units(bench: Bench, unit: bytes, suffix: str = "") -> float:
    """The start of the period is another in each request, so that no page comes from the cache."""
    requests: list[bytes] = []
    for _ in range(SAMPLES):
        since = datetime(2001, 1, 1, tzinfo=UTC) + timedelta(microseconds=next(_numbers))
        path = f"/api/v1/events?starts_from={quote(since.isoformat())}&limit={PAGE}{suffix}"
        requests += [load.request("GET", path), unit]
    measured = load.run(bench.ports["event"], iter(requests), connections=1, seconds=60)
    check_statuses(measured, {200})
    return median(measured.milliseconds[::2]) / median(measured.milliseconds[1::2])


def _cursor_of_far_page(bench: Bench) -> str:
    """Walks there in larger steps."""
    cursor, left = "", PAGE * (FAR_PAGE - 1)
    with httpx.Client(base_url=bench.url("event"), timeout=30) as client:
        while left:
            step = min(left, 100)
            parameters = {"limit": str(step)} | ({"cursor": cursor} if cursor else {})
            answer = client.get("/api/v1/events", params=parameters).raise_for_status()
            cursor, left = answer.json()["next_cursor"], left - step
    return cursor

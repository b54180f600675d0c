"""How fast events are listed, from the cache and from the database."""

import itertools
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from urllib.parse import quote

import httpx

from stack.bench import database, load
from stack.bench.lines import Line, at_least, at_most
from stack.bench.measuring import Bench
from stack.errors import StackError

CONNECTIONS = 64
FEW, MANY = 1_000, 1_000_000
PAGE = 20
FAR_PAGE = 1_000
SAMPLES = 60
REPEATED = 5


def event_list(bench: Bench) -> list[Line]:
    for number in range(PAGE):
        bench.organizer.publish(
            title=f"Event {number}", seating={"kind": "general", "capacity": 50}
        )
    path = f"/api/v1/events?city=Berlin&limit={PAGE}"
    page: Any = httpx.get(f"http://127.0.0.1:{bench.port}{path}").json()
    other = bench.stack.start_comparison()
    httpx.put(f"http://127.0.0.1:{other}/page", json=page).raise_for_status()
    query = path.partition("?")[2]
    sides = ((bench.port, path), (other, f"/constant?{query}"), (other, f"/stock?{query}"))
    rates: list[list[float]] = [[], [], []]
    for _ in range(3):
        for (port, where), found in zip(sides, rates, strict=True):
            request = load.request("GET", where)
            measured = bench.measure(
                lambda request=request: request,  # type: ignore[misc]
                connections=CONNECTIONS,
                port=port,
            )
            found.append(measured.per_second)
    cached, bare, decorated = (sum(found) / len(found) for found in rates)
    return [
        at_least("event list, a constant answer", cached, bare, "/s", 0.7),
        at_least("event list, the stock @cache()", cached, decorated, "/s", 3.0),
    ]


def growth(bench: Bench) -> list[Line]:
    """Pages as the database gives them, in units of a small question (what is free at one event)
    that is asked in turns with them: a machine that is slower for a while is so for both."""
    small = bench.organizer.publish(seating={"kind": "general", "capacity": 100})
    unit = load.request("GET", f"/api/v1/events/{small['id']}/availability")
    database.fill_with_events(bench.database_url(), FEW)
    few = [_page_in_units(bench, unit) for _ in range(REPEATED)]
    database.fill_with_events(bench.database_url(), MANY)
    far = f"&cursor={quote(_cursor_of_far_page(bench))}"
    pairs = [
        (_page_in_units(bench, unit), _page_in_units(bench, unit, far)) for _ in range(REPEATED)
    ]
    first, thousandth = zip(*pairs, strict=True)
    name = f"page of {MANY:,} events, first of {FEW:,}"
    return [
        at_most(f"first {name}", median(first), median(few), "units", 1.3),
        at_most(f"1,000th {name}", median(thousandth), median(few), "units", 1.3),
    ]


_numbers = itertools.count(1)


def _page_in_units(bench: Bench, unit: bytes, suffix: str = "") -> float:
    """The time since when is another in each request, so that no page comes from the cache."""
    requests: list[bytes] = []
    for _ in range(SAMPLES):
        since = datetime(2001, 1, 1, tzinfo=UTC) + timedelta(microseconds=next(_numbers))
        path = f"/api/v1/events?starts_from={quote(since.isoformat())}&limit={PAGE}{suffix}"
        requests += [load.request("GET", path), unit]
    left = iter(requests)
    found = load.run(bench.port, lambda: next(left, None), connections=1, seconds=60)
    if set(found.statuses) != {200}:
        raise StackError(f"bench: unexpected answers {dict(found.statuses)}")
    return median(found.milliseconds[::2]) / median(found.milliseconds[1::2])


def _cursor_of_far_page(bench: Bench) -> str:
    """Walks there in larger steps."""
    cursor, left = "", PAGE * (FAR_PAGE - 1)
    with httpx.Client(base_url=f"http://127.0.0.1:{bench.port}", timeout=30) as client:
        while left:
            step = min(left, 100)
            parameters = {"limit": str(step)} | ({"cursor": cursor} if cursor else {})
            answer = client.get("/api/v1/events", params=parameters).raise_for_status()
            cursor, left = answer.json()["next_cursor"], left - step
    return cursor

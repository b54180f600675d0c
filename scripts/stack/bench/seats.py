"""How fast seats are sold."""

import itertools
from collections.abc import Callable, Iterator

from service_kit.ids import new_id
from stack.bench import database, load
from stack.bench.lines import Line, at_least, at_most, exactly, only_told
from stack.bench.measuring import Bench, booking_body
from stack.errors import StackError

POOL = 10
CAPACITY = 100_000
BOOKERS = 3_000
ON_SALE_PEOPLE = 2_000
ON_SALE_SEATS = 500


def booking_requests(bench: Bench, event_id: str, tokens: list[str]) -> Callable[[], bytes]:
    """One seat for each of many people, each with a key of its own."""
    people = itertools.cycle(tokens)
    body = booking_body(event_id)

    def next_request() -> bytes:
        key = str(new_id())
        return load.request("POST", "/api/v1/bookings", body, next(people), Idempotency_Key=key)

    return next_request


def booking(bench: Bench) -> list[Line]:
    """Service and pgbench in turns, so that what the machine does meanwhile falls on both."""
    tokens = bench.tokens(BOOKERS)
    over_http, alone = [], []
    for _ in range(2):
        event = _publish(bench, CAPACITY)
        request = booking_requests(bench, event, tokens)
        over_http.append(bench.measure(request, connections=POOL).per_second)
        alone.append(
            database.bookings_per_second(
                bench.database_url(), _publish(bench, CAPACITY), CAPACITY, bench.folder,
                connections=POOL, seconds=bench.seconds,
            )
        )  # fmt: skip
    return [
        at_least("bookings, pgbench alone", sum(over_http) / 2, sum(alone) / 2, "/s", 0.5),
        _large_and_small(bench, tokens),
    ]


def _publish(bench: Bench, capacity: int) -> str:
    event = bench.organizer.publish(
        seating={"kind": "general", "capacity": capacity}, max_seats_per_user=1000
    )
    return str(event["id"])


def _large_and_small(bench: Bench, tokens: list[str]) -> Line:
    """A single booker's time in a large event and in small ones, in turns."""
    medians: dict[int, list[float]] = {100: [], CAPACITY: []}
    for _ in range(5):
        for capacity, found in medians.items():
            next_request = booking_requests(bench, _publish(bench, capacity), tokens)
            ninety = (next_request() for _ in range(90))
            once = _run_through(bench.port, ninety, connections=1)
            found.append(once.percentile(50))
    large, small = (sorted(medians[c])[2] for c in (CAPACITY, 100))
    return at_most("booking of 100,000 seats, of 100", large, small, "ms", 1.3)


def _run_through(port: int, requests: Iterator[bytes], *, connections: int) -> load.Measured:
    return load.run(port, lambda: next(requests, None), connections=connections, seconds=60)


def on_sale(bench: Bench) -> list[Line]:
    """Everybody comes in the same second, each on a connection of their own, for one seat; who is
    asked to come again later does."""
    event = _publish(bench, ON_SALE_SEATS)
    body = booking_body(event)
    requests = [
        load.request("POST", "/api/v1/bookings", body, token, Idempotency_Key=str(new_id()))
        for token in bench.tokens(ON_SALE_PEOPLE)
    ]
    found = load.rush(bench.port, requests)
    if set(found.statuses) - {201, 409, 503} or found.unanswered:
        raise StackError(f"bench: {dict(found.statuses)}, {found.unanswered} without an answer")
    sold = database.seats_sold(bench.database_url(), event)
    return [
        exactly("on-sale of 2,000 for 500 seats: sold, seats", sold, ON_SALE_SEATS, ""),
        exactly("on-sale: answered 201, sold", found.statuses[201], sold, ""),
        only_told("on-sale: p99 of answers, p50", found.percentile(99), found.percentile(50), "ms"),
        only_told("on-sale: answers, people", len(found.milliseconds), ON_SALE_PEOPLE, ""),
    ]

"""How fast seats are sold."""

import itertools
import json
from collections.abc import Iterator

from service_kit.ids import new_id
from stack.bench import load, pgbench
from stack.bench.lines import Line, line
from stack.bench.servers import DATABASE_POOL_SIZE, Bench, check_statuses
from stack.services import EVENT

CAPACITY = 100_000
BOOKERS = 3_000
ON_SALE_PEOPLE = 2_000
ON_SALE_SEATS = 500
SOLD = """
    SELECT count(*) FROM seat JOIN booking ON booking.id = booking_id
    WHERE seat.event_id = $1 AND status = 'confirmed'
"""


def booking_requests(bench: Bench, capacity: int, tokens: list[str]) -> Iterator[bytes]:
    """One seat of a new event for each of many people, each with a key of its own."""
    event_id = bench.publish(capacity, max_seats_per_user=1000)
    return (_book(event_id, token) for token in itertools.cycle(tokens))


def _book(event_id: str, token: str) -> bytes:
    body = json.dumps({"event_id": event_id, "quantity": 1}).encode()
    return load.request("POST", "/api/v1/bookings", body, token, Idempotency_Key=str(new_id()))


def booking(bench: Bench) -> list[Line]:
    """Service and pgbench in turns, so that what the machine does meanwhile falls on both."""
    tokens = bench.tokens(BOOKERS)
    over_http, alone = [], []
    for _ in range(2):
        requests = booking_requests(bench, CAPACITY, tokens)
        over_http.append(bench.measure(requests, connections=DATABASE_POOL_SIZE).per_second)
        event_id = bench.publish(CAPACITY, max_seats_per_user=1000)
        alone.append(pgbench.bookings_per_second(bench, event_id, CAPACITY))
    return [
        line("bookings, pgbench alone", sum(over_http) / 2, sum(alone) / 2, "/s", ">= 0.5"),
        _large_and_small(bench, tokens),
    ]


def _large_and_small(bench: Bench, tokens: list[str]) -> Line:
    """A single booker's time in a large event and in small ones, in turns."""
    medians: dict[int, list[float]] = {100: [], CAPACITY: []}
    for _ in range(5):
        for capacity, times in medians.items():
            ninety = itertools.islice(booking_requests(bench, capacity, tokens), 90)
            measured = load.run(bench.ports["event"], ninety, connections=1, seconds=60)
            times.append(measured.percentile(50))
    large, small = (sorted(medians[c])[2] for c in (CAPACITY, 100))
    return line("booking of 100,000 seats, of 100", large, small, "ms", "<= 1.3")


def on_sale(bench: Bench) -> list[Line]:
    """Everybody comes in the same second, each on a connection of their own, for one seat; who is
    asked to come again later does."""
    event_id = bench.publish(ON_SALE_SEATS, max_seats_per_user=1000)
    requests = [_book(event_id, token) for token in bench.tokens(ON_SALE_PEOPLE)]
    measured = load.all_at_once(bench.ports["event"], requests)
    check_statuses(measured, {201, 409, 503})
    [row] = bench.sql(EVENT, SOLD, event_id)
    p50, p99 = (measured.percentile(percent) for percent in (50, 99))
    return [
        line("on-sale of 2,000 for 500 seats: sold, seats", row["count"], ON_SALE_SEATS, "", "= 1"),
        line("on-sale: answered 201, sold", measured.statuses[201], row["count"], "", "= 1"),
        line("on-sale: p99 of answers, p50", p99, p50, "ms"),
        line("on-sale: answers, people", len(measured.milliseconds), ON_SALE_PEOPLE, ""),
    ]

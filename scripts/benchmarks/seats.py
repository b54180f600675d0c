"""How fast seats are booked: on one hot event, in an on-sale, and by somebody who is alone."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import mean, median
from typing import Any

from benchmarks import load, pgbench
from benchmarks.lines import Line, by_turns
from benchmarks.servers import DATABASE_POOL_SIZE, Bench, check_statuses, statements
from service_kit.ids import new_id
from stack.errors import StackError
from stack.services import EVENT

# Of the hot event, which is filled for some seconds; of a large and of a small one.
CAPACITY, LARGE, SMALL = 50_000, 100_000, 100
ROWS = 500
BOOKERS = 3_000
CONNECTIONS = 128
ALONE, ROUNDS = 90, 5
# People, seats, and the milliseconds that are promised for half and for 99 of 100 answers.
ON_SALES: tuple[tuple[int, int, dict[int, int]], ...] = (
    (2_000, 500, {50: 400, 99: 1_000}),
    (10_000, 2_000, {}),
)


def _book(event_id: str, token: str, **seats: Any) -> bytes:
    body = json.dumps({"event_id": event_id} | (seats or {"quantity": 1})).encode()
    return load.request("POST", "/api/v1/bookings", body, token, Idempotency_Key=str(new_id()))


def _event(bench: Bench, capacity: int, **changes: Any) -> str:
    return bench.publish(capacity, max_seats_per_user=1000, **changes)


def _any_seats(bench: Bench, tokens: list[str], capacity: int) -> Iterator[bytes]:
    """One seat of a new event for each of many people, each with a key of its own."""
    event_id = _event(bench, capacity)
    return (_book(event_id, token) for token in itertools.cycle(tokens))


def _chosen_seats(bench: Bench, tokens: list[str]) -> Iterator[bytes]:
    """The same, each with a seat that nobody else chooses."""
    rows = [{"name": str(row), "seats": CAPACITY // ROWS} for row in range(ROWS)]
    sections = [{"name": "Hall", "rows": rows}]
    seating = {"kind": "assigned", "sections": sections}
    event_id = _event(bench, CAPACITY, seating=seating)
    seats = bench.sql(EVENT, statements.seats_at_random, event_id=event_id)
    people = itertools.cycle(tokens)
    return (_book(event_id, next(people), seat_ids=[seat["id"]]) for seat in seats)


@contextmanager
def _without_relay(bench: Bench) -> Iterator[None]:
    """Messages stay in the outbox, and are not sent afterwards: only bookings are measured, not the
    sending of what the turn before has left."""
    with bench.without("event-relay"):
        yield
        bench.sql(EVENT, statements.clear_outbox)


def booking(bench: Bench) -> list[Line]:
    """Any seats by one process and by two, chosen seats and the yardstick by turns."""
    tokens = bench.tokens(BOOKERS)
    url = bench.environments.database_url(EVENT)
    shares: list[float] = []

    two_processes = bench.start_two_processes()

    def over_http(requests: Iterator[bytes], port: int | None = None) -> float:
        measured = bench.measure(requests, connections=CONNECTIONS, port=port)
        shares.append(measured.cores)
        return measured.per_second

    def yardstick() -> float:
        event_id = _event(bench, CAPACITY)
        return pgbench.bookings_per_second(
            url, event_id, CAPACITY, connections=DATABASE_POOL_SIZE, seconds=bench.seconds
        )

    with _without_relay(bench):
        any_seats, by_two, chosen, alone = by_turns(
            bench.turns,
            lambda: over_http(_any_seats(bench, tokens, CAPACITY)),
            lambda: over_http(_any_seats(bench, tokens, CAPACITY), two_processes),
            lambda: over_http(_chosen_seats(bench, tokens)),
            yardstick,
        )
    return [
        Line("bookings, pgbench one at a time", any_seats, alone, "/s", ">= 1.5"),
        Line("bookings by two processes, the same", by_two, alone, "/s", ">= 1.5"),
        Line("bookings of chosen seats, the same", chosen, alone, "/s", ">= 1"),
        Line("load generator of these, one core", mean(shares), 1, "cores"),
    ]


def single(bench: Bench) -> list[Line]:
    """One request at a time on an idle machine: in a large event, in small ones, and the statements
    of the yardstick alone, which pass no HTTP, token or answer. What is promised is the time against
    that of revision 206280f itself: ``--compare 206280f``."""
    tokens = bench.tokens(BOOKERS)
    url = bench.environments.database_url(EVENT)
    large_event, yardstick_event = (_event(bench, LARGE) for _ in range(2))
    times: dict[str, list[float]] = {"large": [], "small": [], "alone": []}

    def median_of(event_id: str) -> float:
        requests = (_book(event_id, token) for token in tokens[:ALONE])
        measured = load.run(bench.ports["event"], requests, connections=1, seconds=60)
        check_statuses(measured, {201})
        return measured.percentile(50)

    with _without_relay(bench):
        for _ in range(ROUNDS):
            times["large"].append(median_of(large_event))
            times["small"].append(median_of(_event(bench, SMALL)))
            rate = pgbench.bookings_per_second(
                url, yardstick_event, LARGE, connections=1, seconds=1
            )
            times["alone"].append(1000 / rate)
    large, small, alone = map(median, times.values())
    return [
        Line("single booking, its statements", large, alone, "ms", than_before="<= 1.1"),
        Line("booking of 100,000 seats, of 100", large, small, "ms", "<= 1.3"),
    ]


def on_sale(bench: Bench) -> list[Line]:
    return [line for sale in ON_SALES for line in _on_sale(bench, *sale)]


def _on_sale(bench: Bench, people: int, seats: int, promised: dict[int, int]) -> list[Line]:
    """Everybody comes in the same second, each on a connection of their own, for one seat; who is
    asked to come again later does. ``promised``: milliseconds by percent of 201 and 409."""
    event_id = _event(bench, seats)
    requests = [_book(event_id, token) for token in bench.tokens(people)]
    measured = load.all_at_once(bench.ports["event"], requests)
    if set(measured.statuses) - {201, 409, 503}:
        raise StackError(f"bench: unexpected answers {dict(measured.statuses)}")
    [row] = bench.sql(EVENT, statements.seats_sold, event_id=event_id)
    name = f"on-sale of {people:,}"
    answers = ", ".join(f"{n:,} of {status}" for status, n in sorted(measured.statuses.items()))
    percentiles = [
        Line(f"{name}: p{percent}, promised", measured.percentile(percent), most, "ms", "<= 1")
        for percent, most in promised.items()
    ]
    slowest = max(measured.milliseconds + measured.refusals)
    return [
        Line(f"{name}: sold, seats", row["count"], seats, "", "= 1"),
        Line(f"{name}: answers 201, sold", measured.statuses[201], row["count"], "", "= 1"),
        *percentiles,
        Line(f"{name}: slowest answer, 10 s", slowest / 1000, 10, "s", "<= 1", note=answers),
        Line(f"{name}: know at last, people", people - measured.unanswered, people, "", "= 1"),
        Line(f"{name}: until then, a second", measured.seconds, 1, "s"),
        Line(f"{name}: load generator, one core", measured.cores, 1, "cores"),
    ]

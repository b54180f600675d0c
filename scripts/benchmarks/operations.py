"""What people do, one kind after another, and what each costs: ``./scripts/bench --costs``."""

import contextlib
import itertools
import json
import os
import re
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import psutil

from benchmarks import load
from benchmarks.costs import CostMeter, Report
from benchmarks.servers import check_statuses, statements
from benchmarks.usage import Meter
from benchmarks.whole import PASSWORD, WholeBench
from service_kit.ids import new_id
from stack.errors import StackError
from stack.services import EVENT

PEOPLE = 200
NEW_PEOPLE = 60
SETTLING_SECONDS, IDLE_SECONDS = 15.0, 10.0
FEW, MANY = 8, 128
LISTED = 20
# Not a divisor of PEOPLE: so that everybody books at each event before anybody does twice.
EVENTS = 7
BOOKINGS = 480
SOLD_AT_ONCE = 1_000
SECONDS_AT_MOST = 120.0

Requests = Sequence[bytes]


class Operations:
    """The people, their tokens and the events of a run, and the figures that it brings."""

    def __init__(self, bench: WholeBench, meter: CostMeter) -> None:
        self.bench = bench
        self.meter = meter
        self.tokens: list[str] = []
        self._instants = itertools.count(1)

    def http(
        self,
        name: str,
        requests: Requests,
        *,
        status: int = 200,
        connections: int = FEW,
        service: str = "event",
    ) -> None:
        port = self.bench.port_of(service)
        sent = iter(requests)
        with self.meter.operations(name, len(requests)):
            done = load.run(port, sent, connections=connections, seconds=SECONDS_AT_MOST)
        check_statuses(done, {status})
        if len(done.milliseconds) != len(requests):
            raise StackError(f"bench: {name}: not done within {SECONDS_AT_MOST:.0f} s")

    def get(self, path: str, token: str | None = None) -> bytes:
        return load.request("GET", f"/api/v1{path}", token=token, Accept_Encoding="gzip")

    def post(self, path: str, body: Any, token: str) -> bytes:
        sent = json.dumps(body).encode()
        headers = {"Accept_Encoding": "gzip", "Idempotency_Key": str(new_id())}
        return load.request("POST", f"/api/v1{path}", sent, token, **headers)

    def uncached(self) -> str:
        """A condition that nobody has asked with before: it excludes no event."""
        since = datetime(2001, 1, 1, tzinfo=UTC) + timedelta(microseconds=next(self._instants))
        return f"starts_from={quote(since.isoformat())}"


def accounts(run: Operations, people: list[str]) -> None:
    """Signs everybody in, renews the sessions, and has some people make new accounts."""
    bench, port = run.bench, run.bench.port_of("auth")
    with ThreadPoolExecutor(FEW) as pool, run.meter.operations("sign-in", len(people)):
        pairs = list(pool.map(lambda email: bench.sign_in(email, port), people))
    run.tokens = [pair["access_token"] for pair in pairs]
    renewals = [
        run.post("/auth/refresh", {"refresh_token": pair["refresh_token"]}, pair["access_token"])
        for pair in pairs
    ]
    run.http("renewal of a session", renewals, service="auth")
    bodies = [
        {"email": f"new-{new_id()}@guests.example", "password": PASSWORD, "full_name": "Ada L."}
        for _ in range(NEW_PEOPLE)
    ]
    requests = [run.post("/auth/register", body, "") for body in bodies]
    with run.meter.operations("new account, with its mail", len(requests)):
        done = load.run(port, iter(requests), connections=FEW, seconds=SECONDS_AT_MOST)
        bench.wait_for_mails()
    check_statuses(done, {201})


def reading(run: Operations) -> None:
    bench = run.bench
    event_id = [bench.publish(500, title=f"Jazz {number}") for number in range(LISTED)][0]
    small, large = bench.publish_hall(500), bench.publish_hall(5_000)
    page = f"/events?limit={LISTED}"
    run.http("page of the list, cached", [run.get(page)] * 1_000)
    run.http(
        "page of the list, computed", [run.get(f"{page}&{run.uncached()}") for _ in range(300)]
    )
    words = [run.get(f"{page}&q=jazz&{run.uncached()}") for _ in range(300)]
    run.http("search, computed", words)
    run.http("an event", [run.get(f"/events/{event_id}")] * 1_000)
    run.http("what is left of an event", [run.get(f"/events/{event_id}/availability")] * 500)
    run.http("seat map of 500", [run.get(f"/events/{small}/seats")] * 100)
    run.http("seat map of 5,000", [run.get(f"/events/{large}/seats")] * 40)
    run.http("seat states of 5,000", [run.get(f"/events/{large}/seats/states")] * 100)
    visit = _first_visit(bench)
    run.http(f"first visit of the page, per file of {len(visit)}", [*visit] * 20)


def _first_visit(bench: WholeBench) -> Requests:
    """The page and the files that it names."""
    page = httpx.get(f"{bench.url('event')}/").text
    files = dict.fromkeys(re.findall(r'(?:src|href)="(/[^"]+\.(?:js|css|svg|woff2)[^"]*)"', page))
    return [load.request("GET", path, Accept_Encoding="gzip") for path in ("/", *files)]


def selling(run: Operations) -> dict[str, float]:
    """Bookings of all kinds and their mails; the bytes that one adds to each table."""
    bench, people = run.bench, itertools.cycle(run.tokens)
    hot, *events = (bench.publish(SOLD_AT_ONCE, max_seats_per_user=100) for _ in range(1 + EVENTS))
    hall = bench.publish_hall(BOOKINGS)
    seats = bench.sql(EVENT, statements.seats_at_random, event_id=hall)

    def book(event_id: str, **seats: Any) -> bytes:
        body = {"event_id": event_id} | (seats or {"quantity": 1})
        return run.post("/bookings", body, next(people))

    with _stopped(bench, "event-relay"):
        crowd = [book(hot) for _ in range(SOLD_AT_ONCE)]
        run.http("booking, on-sale of one event", crowd, status=201, connections=MANY)
        refused = [book(hot) for _ in range(SOLD_AT_ONCE)]
        run.http("refusal, sold out", refused, status=409, connections=MANY)
        bench.sql(EVENT, statements.clear_outbox)
        before = bench.sizes()
        apart = [book(events[n % EVENTS]) for n in range(BOOKINGS)]
        run.http("booking, of several events", apart, status=201)
        chosen = [book(hall, seat_ids=[seat.id]) for seat in seats]
        run.http("booking of a chosen seat", chosen, status=201)
    with run.meter.operations("mail of a booking", 2 * BOOKINGS):
        bench.wait_for_mails()
    after = bench.sizes()
    _after_the_sale(run, events)
    added = {name: (after[name] - before[name]) / (2 * BOOKINGS) for name in after}
    return {name: size for name, size in added.items() if size >= 1}


def _after_the_sale(run: Operations, events: list[str]) -> None:
    bench = run.bench
    run.http("own bookings", [run.get("/bookings", token) for token in run.tokens])
    lists = [run.get(f"/events/{one}/bookings", bench.organizer) for one in events * 10]
    run.http("list of who comes", lists)
    bookings = [one for token in run.tokens[:100] for one in bench.bookings_of(token)]
    check_ins = [
        run.post(
            f"/events/{one['event_id']}/check-ins",
            {"ticket_code": one["seats"][0]["ticket_code"]},
            bench.organizer,
        )
        for one in bookings
        if one["event_id"] in events
    ]
    run.http("check-in", check_ins)
    ids = [one["id"] for token in run.tokens[100:] for one in bench.bookings_of(token)]
    owners = [token for token in run.tokens[100:] for _ in bench.bookings_of(token)]
    cancels = [
        run.post(f"/bookings/{one}/cancel", {}, t) for one, t in zip(ids, owners, strict=True)
    ]
    with _stopped(bench, "event-relay"):
        run.http("cancellation", cancels[:300])
    bench.wait_for_mails()
    guests = sum(bench.write_to_guests(event_id, preview=True) for event_id in events)
    with run.meter.operations("mail to all guests", guests):
        before = bench.mails_so_far()
        for event_id in events:
            bench.write_to_guests(event_id)
        bench.wait_for_mails(before + guests)


def secured(run: Operations) -> None:
    """New connections with TLS, which only the gateway has."""
    port = run.bench.gateways.get("gateway-tls")
    if port is None:
        return
    context = ssl.create_default_context()
    # Its authority is its own, and this is no test of it.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with run.meter.operations("new TLS connection", 300):
        for _ in range(300):
            load.shake_hands(port, context)


@contextlib.contextmanager
def _stopped(bench: WholeBench, name: str) -> Iterator[None]:
    """A process that stands still meanwhile: to start it anew would cost more than what it does."""
    process = psutil.Process(bench.processes[name].pid)
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def measure(bench: WholeBench, say: Callable[[str], None]) -> Report:
    """Two minutes. Raises StackError."""
    load_before = os.getloadavg()[0]
    meter = CostMeter(Meter(bench.roots()))
    run = Operations(bench, meter)
    people = bench.add_people(PEOPLE)
    say("nothing, for what that costs")
    # What a process does once after its start belongs to no operation.
    time.sleep(SETTLING_SECONDS)
    meter.watch_idle(IDLE_SECONDS)
    at_rest = meter.meter.holdings(bench.ports["postgres"])
    say("accounts")
    accounts(run, people)
    say("reading")
    reading(run)
    say("selling")
    disk = selling(run)
    secured(run)
    under_load = meter.meter.holdings(bench.ports["postgres"])
    loads = (load_before, os.getloadavg()[0])
    return Report(meter.idle, meter.costs, at_rest, under_load, disk, loads)

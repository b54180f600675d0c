"""Starts servers of its own, measures, prints a table and JSON, and ends all it has started."""

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from service_kit.ids import new_id
from stack.bench import database, load
from stack.bench.surroundings import BenchStack, Organizer, Signer
from stack.errors import StackError

POOL = 10
LIST_CONNECTIONS = 64
CAPACITY = 100_000


@dataclass
class Line:
    """One figure: ``value`` against ``against``, both measured in this run, as a ratio."""

    name: str
    value: float
    against: float
    unit: str
    wanted: str
    ratio: float
    is_met: bool


def at_least(name: str, value: float, against: float, unit: str, target: float) -> Line:
    ratio = value / against
    return Line(name, value, against, unit, f">= {target}", ratio, ratio >= target)


def at_most(name: str, value: float, against: float, unit: str, target: float) -> Line:
    ratio = value / against
    return Line(name, value, against, unit, f"<= {target}", ratio, ratio <= target)


class Bench:
    def __init__(self, stack: BenchStack, signer: Signer, seconds: int, folder: Path) -> None:
        self.stack = stack
        self.signer = signer
        self.seconds = seconds
        self.folder = folder
        self.port = stack.ports["event"]
        self.organizer = Organizer(stack, signer)

    def measure(
        self, request: Callable[[], bytes | None], *, connections: int, port: int | None = None
    ) -> load.Measured:
        # What runs for the first time has caches to fill; that is not what is asked.
        load.run(port or self.port, request, connections=connections, seconds=1)
        found = load.run(port or self.port, request, connections=connections, seconds=self.seconds)
        if set(found.statuses) - {200, 201}:
            raise StackError(f"bench: unexpected answers {dict(found.statuses)}")
        return found

    def authentication(self) -> list[Line]:
        event = self.organizer.publish(seating={"kind": "general", "capacity": 100})
        path = f"/api/v1/events/{event['id']}/availability"
        tokens = itertools.cycle([self.signer.token() for _ in range(200)])
        # Alternating, so that what the machine does meanwhile falls on both.
        plain, known = [], []
        for _ in range(2):
            plain.append(self.measure(lambda: load.request("GET", path), connections=16))
            known.append(
                self.measure(lambda: load.request("GET", path, token=next(tokens)), connections=16)
            )
        rate, bare = (sum(m.per_second for m in ms) / len(ms) for ms in (known, plain))
        return [at_least("requests with a token, without one", rate, bare, "/s", 0.8)]

    def booking_request(self, event_id: str, tokens: list[str]) -> Callable[[], bytes | None]:
        """One seat for each of many people, each with a key of its own."""
        numbers = itertools.count()
        body = json.dumps({"event_id": event_id, "quantity": 1}).encode()

        def next_request() -> bytes:
            token = tokens[next(numbers) % len(tokens)]
            key = str(new_id())
            return load.request("POST", "/api/v1/bookings", body, token, Idempotency_Key=key)

        return next_request

    def booking(self) -> list[Line]:
        tokens = [self.signer.token() for _ in range(3000)]

        def rate(capacity: int) -> load.Measured:
            event = self.organizer.publish(
                seating={"kind": "general", "capacity": capacity}, max_seats_per_user=1000
            )
            return self.measure(self.booking_request(event["id"], tokens), connections=POOL)

        over_http = rate(CAPACITY)
        hot = self.organizer.publish(seating={"kind": "general", "capacity": CAPACITY})
        alone = database.bookings_per_second(
            self.database_url(), hot["id"], CAPACITY, self.folder,
            connections=POOL, seconds=self.seconds,
        )  # fmt: skip
        return [
            at_least("bookings, pgbench alone", over_http.per_second, alone, "/s", 0.5),
            self.large_and_small(tokens),
        ]

    def large_and_small(self, tokens: list[str]) -> Line:
        """A single booker's time in a large event and in many small ones, in turns."""
        medians: dict[int, list[float]] = {100: [], CAPACITY: []}
        for _ in range(3):
            for capacity, found in medians.items():
                event = self.organizer.publish(
                    seating={"kind": "general", "capacity": capacity}, max_seats_per_user=1000
                )
                request = self.booking_request(event["id"], tokens)
                left = iter(range(90))
                once = load.run(
                    self.port,
                    lambda request=request, left=left: (  # type: ignore[misc]
                        request() if next(left, None) is not None else None
                    ),
                    connections=1,
                    seconds=10,
                )
                found.append(once.percentile(50))
        large, small = (sorted(medians[c])[1] for c in (CAPACITY, 100))
        return at_most("booking of 100,000 seats, of 100", large, small, "ms", 1.3)

    def database_url(self) -> str:
        password = self.stack.secrets["event-database"]
        return f"postgresql://events:{password}@127.0.0.1:{self.stack.ports['postgres']}/events"

    def event_list(self) -> list[Line]:
        for number in range(20):
            self.organizer.publish(
                title=f"Event {number}", seating={"kind": "general", "capacity": 50}
            )
        path = "/api/v1/events?city=Berlin&limit=20"
        page: Any = httpx.get(f"http://127.0.0.1:{self.port}{path}").json()
        other = self.stack.start_comparison()
        httpx.put(f"http://127.0.0.1:{other}/page", json=page).raise_for_status()
        ours: list[float] = []
        constant: list[float] = []
        stock: list[float] = []
        query = path.partition("?")[2]
        for _ in range(2):
            for found, port, where in (
                (ours, self.port, path),
                (constant, other, f"/constant?{query}"),
                (stock, other, f"/stock?{query}"),
            ):
                request = load.request("GET", where)
                found.append(
                    self.measure(
                        lambda request=request: request,  # type: ignore[misc]
                        connections=LIST_CONNECTIONS,
                        port=port,
                    ).per_second
                )
        cached, bare, decorated = (sum(rates) / len(rates) for rates in (ours, constant, stock))
        return [
            at_least("event list, a constant answer", cached, bare, "/s", 0.7),
            at_least("event list, the stock @cache()", cached, decorated, "/s", 3.0),
        ]

    def memory(self) -> str:
        process = self.stack.processes["event"].find()
        used = psutil.Process(process.pid).memory_info().rss / 1_048_576 if process else 0.0
        return f"memory of the API process after the run: {used:.0f} MB (under 150)"


def show(lines: list[Line]) -> None:
    width = max(len(line.name) for line in lines)
    print(f"\n{'what, against what'.ljust(width)}  {'value':>12}  {'against':>12}  ratio  wanted")
    for line in lines:
        value, against = (f"{n:,.1f} {line.unit}" for n in (line.value, line.against))
        mark = "" if line.is_met else "   missed"
        print(
            f"{line.name.ljust(width)}  {value:>12}  {against:>12}  {line.ratio:5.2f}  "
            f"{line.wanted}{mark}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=8, help="of each measurement")
    parser.add_argument("--only", choices=("authentication", "booking", "event_list"))
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parterre-bench-") as name:
        os.chmod(name, 0o711)
        signer = Signer()
        stack = BenchStack(Path(name), signer, {"DATABASE_POOL_SIZE": str(POOL)})
        try:
            print("bench: starting servers", flush=True)
            stack.start()
            bench = Bench(stack, signer, options.seconds, Path(name))
            lines: list[Line] = []
            for part in (bench.authentication, bench.booking, bench.event_list):
                if options.only in (None, part.__name__):
                    began = time.monotonic()
                    print(f"bench: {part.__name__} ...", end="", flush=True)
                    lines += part()
                    print(f" {time.monotonic() - began:.0f} s", flush=True)
            show(lines)
            print(bench.memory())
            if options.json:
                options.json.write_text(json.dumps([asdict(line) for line in lines], indent=2))
        except StackError as error:
            sys.exit(f"bench: {error}")
        finally:
            stack.stop()


if __name__ == "__main__":
    main()

"""Whether the table of costs says ahead what a crowd of ``./scripts/load`` uses: a mix of looking, buying,
cancelling and admitting by people who never pause, on the same servers."""

import csv
import os
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from benchmarks.costs import Report
from benchmarks.lines import Line
from benchmarks.servers import statements
from benchmarks.usage import Meter
from benchmarks.whole import PASSWORD, WholeBench
from stack.errors import StackError
from stack.load import command, locust, parse
from stack.services import EVENT
from stack.stack import ROOT

PEOPLE, SECONDS = 30, 20
# Operations of the table by Locust's names of requests. "book" is looked at apart.
OPERATIONS = {
    "the list": "page of the list, cached",
    "the list, further": "page of the list, cached",
    "a search": "page of the list, cached",
    "an event": "an event",
    "what is left": "what is left of an event",
    "a seat map": "seat map of 500",
    "own bookings": "own bookings",
    "cancel": "cancellation",
    "who comes": "list of who comes",
    "admit": "check-in",
}


def check(bench: WholeBench, report: Report) -> list[Line]:
    """Processor seconds of each part in the crowd against those that the table gives for what was asked,
    and requests a second against what they give for the cores used. Raises StackError."""
    meter = Meter(bench.roots())
    began, before, rows = time.monotonic(), meter.processor_seconds(), _counts(bench)
    requests = _crowd(bench)
    bench.wait_for_mails()
    seconds, after = time.monotonic() - began, meter.processor_seconds()
    booked, mails = (now - then for now, then in zip(_counts(bench), rows, strict=True))
    operations = operations_of(requests, booked=booked, mails=mails)
    expected = predicted(report, operations, seconds)
    used = {part: after[part] - before[part] for part in after}
    lines = [
        Line(f"crowd: processor of {part}, by the table", used[part], expected[part], "s")
        for part in used
        if used[part] >= 1
    ]
    asked = sum(requests.values())
    lines.append(
        Line(
            "crowd: processor of all, by the table",
            sum(used.values()),
            sum(expected.values()),
            "s",
            note=f"{asked:,} requests, {booked:,} bookings, {mails:,} mails in {seconds:.0f} s",
        )
    )
    return lines


def operations_of(requests: Mapping[str, int], *, booked: int, mails: int) -> Counter[str]:
    """How often each operation of the table was done. What signing everybody up costs is the table's
    too."""
    done: Counter[str] = Counter()
    for name, count in requests.items():
        if name in OPERATIONS:
            done[OPERATIONS[name]] += count
        elif name != "book":
            raise StackError(f"bench: the table has no cost of {name!r}")
    done["booking, of several events"] += booked
    done["refusal, sold out"] += requests.get("book", 0) - booked
    done["mail of a booking"] += mails - PEOPLE
    done["new account, with its mail"] += PEOPLE
    done["sign-in"] += PEOPLE + 1
    return done


def predicted(report: Report, operations: Mapping[str, int], seconds: float) -> dict[str, float]:
    """Processor seconds of each part."""
    costs = {cost.name: cost.milliseconds for cost in report.costs}
    return {
        part: idle * seconds
        + sum(count * costs[name][part] / 1000 for name, count in operations.items())
        for part, idle in report.idle.items()
    }


def _crowd(bench: WholeBench) -> Counter[str]:
    """Runs it; how many requests there were of each name."""
    [email] = bench.add_people(1)
    address = f"http://127.0.0.1:{bench.port_of('event')}"
    prefix = bench.var / "crowd"
    options = parse(
        [address, "--scenario", "mix", "--no-pauses", "--people", str(PEOPLE)]
        + ["--seconds", str(SECONDS), "--p99", "60000", "--report", str(prefix) + ".html"]
    )
    run = [*command(options, locust(ROOT / "var" / "load-venv")), "--csv", str(prefix)]
    known = {"LOAD_ORGANIZER": email, "LOAD_PASSWORD": PASSWORD, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(run, env={**os.environ, **known}, cwd=ROOT, check=False)
    if done.returncode:
        raise StackError("bench: ./scripts/load has found a fault")
    return requests_of(Path(f"{prefix}_stats.csv"))


def requests_of(statistics: Path) -> Counter[str]:
    """Of Locust's CSV file, whose last row sums the others up."""
    with statistics.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["Name"] != "Aggregated"]
    return Counter({row["Name"]: int(row["Request Count"]) for row in rows})


def _counts(bench: WholeBench) -> tuple[int, int]:
    """Bookings that there have been, and mails."""
    [bookings] = bench.sql(EVENT, statements.bookings_made)
    return bookings.count, bench.mails_made()

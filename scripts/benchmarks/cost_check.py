"""Whether the table of costs says ahead what a crowd of ``./scripts/load`` uses: a mix of looking, buying,
cancelling and admitting by people who never pause, on the same servers."""

import csv
import os
import re
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import httpx

from benchmarks.costs import Report
from benchmarks.lines import Line
from benchmarks.servers import statements
from benchmarks.usage import Meter
from benchmarks.whole import PASSWORD, WholeBench
from stack.errors import StackError
from stack.load import command, locust, parse
from stack.services import EVENT
from stack.stack import ROOT

PEOPLE, SECONDS = 12, 25
# Pages that the cache may have, and what they are when it does not: while seats sell it often does not.
CACHED = {
    "the list": ("page of the list, cached", "page of the list, computed"),
    "the list, further": ("page of the list, cached", "page of the list, computed"),
    "a search": ("page of the list, cached", "search, computed"),
    "an event": ("an event", "what is left of an event"),
}
# Other operations of the table by Locust's names of requests. "book" is looked at apart.
OPERATIONS = {
    "what is left": "what is left of an event",
    "a seat map": "seat map of 500",
    "own bookings": "own bookings",
    "cancel": "cancellation",
    "who comes": "list of who comes",
    "admit": "check-in",
}


class Counts(NamedTuple):
    """Bookings, mails that were sent, and pages that the cache had and had not."""

    booked: int
    mails: int
    hits: int
    misses: int


def check(bench: WholeBench, report: Report) -> list[Line]:
    """Processor seconds of each part in the crowd against those that the table gives for what was asked.
    Raises StackError."""
    meter = Meter(bench.roots())
    began, before, counts = time.monotonic(), meter.processor_seconds(), _counts(bench)
    requests = _crowd(bench)
    bench.wait_for_mails()
    seconds, after = time.monotonic() - began, meter.processor_seconds()
    done = Counts(*(now - then for now, then in zip(_counts(bench), counts, strict=True)))
    operations = operations_of(requests, done)
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
            note=f"{asked:,} requests, {done.booked:,} bookings, {done.mails:,} mails, "
            f"{done.misses / (done.hits + done.misses):.0%} of pages computed",
        )
    )
    return lines


def operations_of(requests: Mapping[str, int], counts: Counts) -> dict[str, float]:
    """How often each operation of the table was done. What signing everybody up costs is the table's
    too."""
    done: dict[str, float] = defaultdict(float)
    computed = counts.misses / max(1, counts.hits + counts.misses)
    for name, number in requests.items():
        if name in CACHED:
            hit, miss = CACHED[name]
            done[hit] += number * (1 - computed)
            done[miss] += number * computed
        elif name in OPERATIONS:
            done[OPERATIONS[name]] += number
        elif name != "book":
            raise StackError(f"bench: the table has no cost of {name!r}")
    done["booking, of several events"] += counts.booked
    done["refusal, sold out"] += requests.get("book", 0) - counts.booked
    done["mail of a booking"] += counts.mails - PEOPLE
    done["new account, with its mail"] += PEOPLE
    done["sign-in"] += PEOPLE + 1
    return done


def predicted(report: Report, operations: Mapping[str, float], seconds: float) -> dict[str, float]:
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


def _counts(bench: WholeBench) -> Counts:
    [bookings] = bench.sql(EVENT, statements.bookings_made)
    reads = reads_of(httpx.get(f"{bench.url('event')}/metrics").text)
    misses = reads["nowhere"]
    return Counts(bookings.count, bench.mails_so_far(), sum(reads.values()) - misses, misses)


def reads_of(metrics: str) -> Counter[str]:
    """Looks for a stored page, by where it was."""
    found = re.findall(r'^page_cache_reads_total\{result="(\w+)"\} (\S+)$', metrics, re.M)
    return Counter({where: int(float(number)) for where, number in found})

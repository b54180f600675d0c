"""Starts servers of its own, measures, prints a table and JSON, and ends all it has started."""

import argparse
import contextlib
import itertools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import cost_check, costs, load, operations
from benchmarks.lines import Line, against, averaged, by_turns, show
from benchmarks.lists import event_list, growth
from benchmarks.mails import mails
from benchmarks.revisions import check_out
from benchmarks.seats import booking, on_sale, single
from benchmarks.servers import Bench
from benchmarks.whole import WholeBench
from stack.errors import StackError
from stack.supervisor import interrupt_on_signals
from stack.testing import own_folder

PREFIX = "parterre-bench-"
MEMORY_MEGABYTES = 150
# What is measured in a comparison, unless somebody says otherwise: what every revision has.
COMPARED = ("booking", "single", "on_sale")

Part = Callable[[Bench], list[Line]]


def authentication(bench: Bench) -> list[Line]:
    path = f"/api/v1/events/{bench.publish(100)}/availability"
    without = itertools.repeat(load.request("GET", path))
    tokens = itertools.cycle(bench.tokens(200))
    signed_in = (load.request("GET", path, token=token) for token in tokens)
    rate, bare = by_turns(
        bench.turns,
        lambda: bench.measure(signed_in, connections=16).per_second,
        lambda: bench.measure(without, connections=16).per_second,
    )
    return [Line("requests with a token, without one", rate, bare, "/s", ">= 0.8")]


def memory(bench: Bench) -> list[Line]:
    used = bench.memory_megabytes()
    return [Line("memory of an API process", used, MEMORY_MEGABYTES, "MB", "<= 1")]


# The last one asks what the others have left.
PARTS: tuple[Part, ...] = (
    authentication,
    booking,
    single,
    on_sale,
    event_list,
    mails,
    growth,
    memory,
)
TURNS = 4


def run(parts: list[Part], seconds: int) -> list[Line]:
    """Raises StackError."""
    with own_folder(PREFIX) as folder:
        [lines] = _measure(parts, [Bench(folder, seconds=seconds, turns=TURNS)], "0")
    return lines


def compare(parts: list[Part], seconds: int, name: str) -> tuple[list[Line], list[Line]]:
    """The same figures of another revision and of the present one, each twice. Raises StackError."""
    with own_folder(PREFIX) as folder:
        revision = check_out(name, folder / "revision")
        before = Bench(folder / "before", seconds=seconds, turns=1, revision=revision)
        now = Bench(folder / "now", seconds=seconds, turns=1)
        old, new = _measure(parts, [before, now], "0110")
    return old, new


def _measure(parts: list[Part], benches: list[Bench], order: str) -> list[list[Line]]:
    """Each part on the benches in such an order; the means for each bench. Two that are measured by
    turns run at the same time: the other one is idle."""
    lines: list[list[Line]] = [[] for _ in benches]
    with contextlib.ExitStack() as stack:
        print("bench: starting servers", flush=True)
        for bench in benches:
            stack.callback(bench.stop)
            bench.start()
        for part in parts:
            began = time.monotonic()
            print(f"bench: {part.__name__} ...", end="", flush=True)
            runs: list[list[list[Line]]] = [[] for _ in benches]
            for turn in map(int, order):
                runs[turn].append(part(benches[turn]))
            for all_lines, of_part in zip(lines, runs, strict=True):
                all_lines += averaged(of_part)
            print(f" {time.monotonic() - began:.0f} s", flush=True)
    return lines


def measure_costs(*, with_crowd: bool) -> tuple[costs.Report, list[Line]]:
    """What operations cost each part of Parterre, and what a crowd uses against that. Raises StackError."""

    def say(what: str) -> None:
        print(f"bench: {what} ...", flush=True)

    with own_folder(PREFIX) as folder, contextlib.ExitStack() as stack:
        say("starting all that Compose runs")
        bench = WholeBench(folder)
        stack.callback(bench.stop)
        bench.start()
        report = operations.measure(bench, say)
        costs.show(report)
        return report, cost_check.check(bench, report) if with_crowd else []


def parse(arguments: list[str]) -> argparse.Namespace:
    names = [part.__name__ for part in PARTS]
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement")
    parser.add_argument("--only", choices=names, action="append", help="may be given repeatedly")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument(
        "--compare",
        metavar="REVISION",
        help="measure the services of another commit by turns with these; without --only: "
        + ", ".join(COMPARED),
    )
    parser.add_argument(
        "--costs",
        action="store_true",
        help="instead: processor time of an operation by process, memory, connections, bytes on disk",
    )
    parser.add_argument(
        "--crowd",
        action="store_true",
        help="with --costs: hold them against a crowd of ./scripts/load",
    )
    options = parser.parse_args(arguments)
    chosen = options.only or (COMPARED if options.compare else names)
    options.parts = [part for part in PARTS if part.__name__ in chosen]
    return options


def report(options: argparse.Namespace) -> Any:
    """Measures and prints; as JSON what belongs to the present revision. Raises StackError."""
    if options.costs:
        measured, lines = measure_costs(with_crowd=options.crowd)
        if lines:
            show(lines)
        return measured.as_json() | {"crowd": [line.as_json() for line in lines]}
    return [line.as_json() for line in _lines(options)]


def _lines(options: argparse.Namespace) -> list[Line]:
    if not options.compare:
        lines = run(options.parts, options.seconds)
        show(lines)
        return lines
    before, lines = compare(options.parts, options.seconds, options.compare)
    show(before, f"{options.compare}: what, against what")
    show(lines, "now: what, against what")
    show(against(lines, before), f"now, against {options.compare}")
    return lines


def main() -> None:
    options = parse(sys.argv[1:])
    interrupt_on_signals()
    try:
        figures = report(options)
    except StackError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

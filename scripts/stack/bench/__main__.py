"""Starts servers of its own, measures, prints a table and JSON, and ends all it has started."""

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import mean

from stack.bench import load
from stack.bench.lines import Line, line, show
from stack.bench.lists import event_list, growth
from stack.bench.mails import mails
from stack.bench.seats import booking, on_sale
from stack.bench.servers import Bench
from stack.errors import StackError
from stack.testing import own_folder

MEMORY_MEGABYTES = 150

Part = Callable[[Bench], list[Line]]


def authentication(bench: Bench) -> list[Line]:
    """In turns, so that what the machine does meanwhile falls on both."""
    path = f"/api/v1/events/{bench.publish(100)}/availability"
    without = itertools.repeat(load.request("GET", path))
    tokens = itertools.cycle(bench.tokens(200))
    signed_in = (load.request("GET", path, token=token) for token in tokens)
    rates = [
        [bench.measure(requests, connections=16).per_second for requests in (signed_in, without)]
        for _ in range(3)
    ]
    rate, bare = map(mean, zip(*rates, strict=True))
    return [line("requests with a token, without one", rate, bare, "/s", ">= 0.8")]


def memory(bench: Bench) -> list[Line]:
    used = bench.memory_megabytes()
    return [line("memory of an API process", used, MEMORY_MEGABYTES, "MB", "<= 1")]


# The last one asks what the others have left.
PARTS: tuple[Part, ...] = (authentication, booking, on_sale, event_list, mails, growth, memory)


def run(parts: list[Part], seconds: int) -> list[Line]:
    """Raises StackError."""
    lines: list[Line] = []
    with own_folder("parterre-bench-") as folder:
        bench = Bench(folder, seconds)
        try:
            print("bench: starting servers", flush=True)
            bench.start()
            for part in parts:
                began = time.monotonic()
                print(f"bench: {part.__name__} ...", end="", flush=True)
                lines += part(bench)
                print(f" {time.monotonic() - began:.0f} s", flush=True)
        finally:
            bench.stop()
    return lines


def main() -> None:
    names = [part.__name__ for part in PARTS]
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=8, help="of each measurement")
    parser.add_argument("--only", choices=names, action="append", help="may be given repeatedly")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    chosen = [part for part in PARTS if part.__name__ in (options.only or names)]
    try:
        lines = run(chosen, options.seconds)
    except StackError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    show(lines)
    if options.json:
        options.json.write_text(json.dumps([asdict(line) for line in lines], indent=2) + "\n")


if __name__ == "__main__":
    main()

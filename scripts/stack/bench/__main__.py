"""Starts servers of its own, measures, prints a table and JSON, and ends all it has started."""

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from stack.bench import load
from stack.bench.lines import Line, at_least, at_most, show
from stack.bench.lists import event_list, growth
from stack.bench.mails import mails
from stack.bench.measuring import Bench
from stack.bench.seats import POOL, booking, on_sale
from stack.bench.surroundings import BenchStack, Signer
from stack.errors import StackError

MEMORY_MEGABYTES = 150

Part = Callable[[Bench], list[Line]]


def authentication(bench: Bench) -> list[Line]:
    event = bench.organizer.publish(seating={"kind": "general", "capacity": 100})
    path = f"/api/v1/events/{event['id']}/availability"
    tokens = itertools.cycle(bench.tokens(200))
    # Alternating, so that what the machine does meanwhile falls on both.
    plain, known = [], []
    for _ in range(3):
        plain.append(bench.measure(lambda: load.request("GET", path), connections=16))
        known.append(
            bench.measure(lambda: load.request("GET", path, token=next(tokens)), connections=16)
        )
    rate, bare = (sum(m.per_second for m in ms) / len(ms) for ms in (known, plain))
    return [at_least("requests with a token, without one", rate, bare, "/s", 0.8)]


def memory(bench: Bench) -> list[Line]:
    used = bench.memory_megabytes()
    return [at_most("memory of an API process", used, MEMORY_MEGABYTES, "MB", 1.0)]


# The last one asks what the others have left.
PARTS: tuple[Part, ...] = (authentication, booking, on_sale, event_list, mails, growth, memory)


def run(parts: list[Part], seconds: int) -> list[Line]:
    """Raises StackError."""
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="parterre-bench-") as name:
        os.chmod(name, 0o711)
        signer = Signer()
        stack = BenchStack(Path(name), signer, {"DATABASE_POOL_SIZE": str(POOL)})
        try:
            print("bench: starting servers", flush=True)
            stack.start()
            bench = Bench(stack, signer, seconds, Path(name))
            for part in parts:
                began = time.monotonic()
                print(f"bench: {part.__name__} ...", end="", flush=True)
                lines += part(bench)
                print(f" {time.monotonic() - began:.0f} s", flush=True)
        finally:
            stack.stop()
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

"""``./scripts/trace ID``: the lines of all logs of this host that belong to one request, in order of time.

The logs are those of the project's containers, also of ended ones, or in a work tree those of a stack of
``./scripts/up``. A line belongs to a request if its ``request_id`` is the id, or its ``request_ids``
contain it, as where messages of several requests went to the queue together.
"""

import argparse
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deployment.engine import Engine
from deployment.errors import CommandFailed, run_command
from deployment.layout import Layout, find_layout
from deployment.trace_words import describe

# As service_kit.ids; other ids are replaced at the door, and are in no log.
REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
MAX_LINES = 10_000


@dataclass(frozen=True)
class Line:
    """A line of the log called ``log``; ``entry`` is what its JSON holds."""

    at: datetime
    log: str
    entry: dict[str, Any]


def read_lines(log: str, lines: Iterable[bytes], request_id: str) -> Iterator[Line]:
    """Those that belong to the request. What is no JSON, or has no time, is left out."""
    wanted = request_id.encode()
    for line in lines:
        # Most lines are of others, and need not be parsed.
        if wanted in line and (found := _parse(log, line)) and _belongs(found.entry, request_id):
            yield found


def _parse(log: str, line: bytes) -> Line | None:
    try:
        entry = json.loads(line)
        # The gateway calls it ``ts``.
        at = datetime.fromisoformat(str(entry.get("timestamp") or entry["ts"]))
        return Line(at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC), log, entry)
    except (ValueError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def _belongs(entry: dict[str, Any], request_id: str) -> bool:
    several = entry.get("request_ids")
    is_among = isinstance(several, list) and request_id in several
    return is_among or entry.get("request_id") == request_id


def find_lines(layout: Layout, request_id: str) -> tuple[list[Line], int]:
    """The lines by time, and how many logs were read. Raises CommandFailed if there are no logs."""
    lines: list[Line] = []
    logs = 0
    for name, command in _commands(layout):
        logs += 1
        with _output(command) as output:
            for line in read_lines(name, output, request_id):
                lines.append(line)
                if len(lines) > MAX_LINES:
                    raise CommandFailed(
                        f"more than {MAX_LINES:,} lines have this id: it is no request's own"
                    )
    if not logs:
        raise CommandFailed(
            "no logs are here; ./scripts/up -d or ./scripts/compose up -d starts it"
        )
    return sorted(lines, key=lambda line: line.at), logs


def _commands(layout: Layout) -> Iterator[tuple[str, list[str]]]:
    """A name for each log, and the command that prints it."""
    folder = Path(os.environ.get("PARTERRE_VAR") or layout.var) / "log"
    files = sorted(folder.glob("*.log*")) if layout.is_work_tree else []
    for file in files:
        program = ["gzip", "-dc"] if file.suffix == ".gz" else ["cat"]
        yield file.name.partition(".")[0], [*program, str(file)]
    try:
        containers = Engine(layout).containers(with_one_off=True)
    except CommandFailed:
        if not files:
            raise
        return
    for container in containers:
        yield container.service or container.name, ["docker", "logs", container.id]


@contextmanager
def _output(command: Sequence[str]) -> Iterator[Iterable[bytes]]:
    """A command's lines one after the other: a log may be larger than the memory that is free."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        yield process.stdout


def table(lines: Sequence[Line]) -> str:
    """A row for each line: the time, how long after the first, the log, and what happened."""
    first = lines[0].at
    width = max(len(line.log) for line in lines)
    rows = []
    for line in lines:
        after = (line.at - first).total_seconds()
        rows.append(
            f"{line.at.astimezone(UTC):%H:%M:%S.%f}"[:-3]
            + f"  +{after:8.3f} s  {line.log:{width}}  {describe(line.entry)}"
        )
    return "\n".join(rows)


def trace(layout: Layout, request_id: str, *, as_json: bool) -> int:
    """Prints the lines; exit code 1 if there are none."""
    if not REQUEST_ID.fullmatch(request_id):
        raise CommandFailed("that is no request id: up to 64 letters, digits and . _ : -")
    lines, logs = find_lines(layout, request_id)
    if not lines:
        raise CommandFailed(f"no line of {logs} logs has this id; older lines may be rotated away")
    if as_json:
        for line in lines:
            print(json.dumps({"log": line.log, **line.entry}, ensure_ascii=False))
        return 0
    named = len({line.log for line in lines})
    print(
        f"{request_id} on {lines[0].at.astimezone(UTC):%Y-%m-%d}, UTC: {len(lines)} lines of {named} logs"
    )
    print(table(lines))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/trace", description=__doc__)
    parser.add_argument("id", help="of X-Request-ID, a problem's request_id, or a mail's header")
    parser.add_argument("--json", action="store_true", help="the lines as they are")
    options = parser.parse_args()
    # Who reads the first lines only, as ``head``, has enough.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    return trace(find_layout(), options.id, as_json=options.json)


if __name__ == "__main__":
    run_command("trace", main)

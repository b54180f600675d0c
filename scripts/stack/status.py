"""``./scripts/status``: each process, whether it runs, where it answers, and whether it does."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path

import psutil

from stack.health import answers
from stack.records import find_recorded, read_record

HEADINGS = ("process", "pid", "state", "health", "address")


@dataclass(frozen=True)
class Row:
    name: str
    pid: str
    state: str
    health: str
    address: str

    @property
    def is_well(self) -> bool:
        return self.state == "running" and self.health != "not ready"


def look(run_dir: Path) -> list[Row]:
    records = sorted(run_dir.glob("*.json"))
    with ThreadPoolExecutor(max(len(records), 1)) as pool:
        return list(pool.map(_row, records))


def _row(file: Path) -> Row:
    record, process = read_record(file), find_recorded(file)
    address = record.address if record else ""
    if record is None or process is None:
        return Row(file.stem, "-", "ended", "-", address)
    state = "frozen" if process.status() == psutil.STATUS_STOPPED else "running"
    health = "-"
    if record.health:
        health = "ready" if answers(record.health) else "not ready"
    return Row(file.stem, str(process.pid), state, health, address)


def table(rows: Sequence[Row]) -> str:
    return in_columns([HEADINGS, *map(astuple, rows)])


def in_columns(lines: Sequence[Sequence[str]]) -> str:
    """Lines of as many cells each, the cells below each other."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ("  ".join(map(str.ljust, line, widths)) for line in lines)
    return "\n".join(f"  {line}".rstrip() for line in padded)

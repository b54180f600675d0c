"""What an operation costs: processor time of each part of Parterre, which no other program on the
machine takes away or adds, as it does with requests a second."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.usage import Holdings, Meter

TOTAL = "all"


@dataclass(frozen=True)
class Cost:
    """``milliseconds`` of processor time of each part for one of ``count`` operations."""

    name: str
    count: int
    milliseconds: Mapping[str, float]

    @property
    def total(self) -> float:
        return sum(self.milliseconds.values())

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"total": self.total}


class CostMeter:
    """``idle`` is what each part uses while nothing is asked of it, in seconds a second; it is taken off
    what an operation has used."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.idle: Mapping[str, float] = dict.fromkeys(meter.parts, 0.0)
        self.costs: list[Cost] = []

    def watch_idle(self, seconds: float) -> None:
        before = self.meter.processor_seconds()
        time.sleep(seconds)
        after = self.meter.processor_seconds()
        self.idle = {part: (after[part] - before[part]) / seconds for part in before}

    @contextmanager
    def operations(self, name: str, count: int) -> Iterator[None]:
        """What happens inside are ``count`` operations."""
        began, before = time.monotonic(), self.meter.processor_seconds()
        yield
        seconds, after = time.monotonic() - began, self.meter.processor_seconds()
        milliseconds = {
            part: max(0.0, after[part] - before[part] - self.idle[part] * seconds) * 1000 / count
            for part in before
        }
        self.costs.append(Cost(name, count, milliseconds))


@dataclass
class Report:
    """Everything that is measured. ``disk``: bytes of each table that one booking and its mail add, with
    indexes, and of the write-ahead log."""

    idle: Mapping[str, float]
    costs: list[Cost]
    at_rest: Mapping[str, Holdings]
    under_load: Mapping[str, Holdings]
    disk: Mapping[str, float]
    # The machine's load average before and after: what others do there fills caches with theirs, and
    # makes the same work dearer.
    loads: tuple[float, float]

    def as_json(self) -> dict[str, Any]:
        return {
            "idle_cores": dict(self.idle),
            "costs": [cost.as_json() for cost in self.costs],
            "at_rest": {part: asdict(held) for part, held in self.at_rest.items()},
            "under_load": {part: asdict(held) for part, held in self.under_load.items()},
            "bytes_per_booking": dict(self.disk),
            "loads": self.loads,
        }


def show(report: Report) -> None:
    parts = list(report.idle)
    names = [cost.name for cost in report.costs]
    width = max(map(len, [*names, "ms of processor time each"]))
    columns = [max(6, len(part)) for part in parts]

    def row(name: str, values: Mapping[str, float], *, digits: int = 2) -> str:
        cells = [f"{values[part]:{w}.{digits}f}" for part, w in zip(parts, columns, strict=True)]
        return f"{name.ljust(width)}  {'  '.join(cells)}  {sum(values.values()):7.{digits}f}"

    heads = "  ".join(part.rjust(w) for part, w in zip(parts, columns, strict=True))
    loads = " and ".join(f"{load:.1f}" for load in report.loads)
    print(f"\n{os.cpu_count()} processors; run queue (load average) {loads}, before and after")
    print(f"{'ms of processor time each'.ljust(width)}  {heads}  {TOTAL:>7}")
    for cost in report.costs:
        print(row(cost.name, cost.milliseconds))
    print(row("a second in which nothing is asked", _in_milliseconds(report.idle), digits=1))
    print()
    for title, held in (("at rest", report.at_rest), ("after the load", report.under_load)):
        for name in ("processes", "memory", "connections"):
            values = {part: float(getattr(held[part], name)) for part in parts}
            unit = ", MiB" if name == "memory" else ""
            print(row(f"{name} {title}{unit}", values, digits=0))
    print("\nbytes that one booking of one seat and its mail add")
    for table, size in report.disk.items():
        print(f"{table.ljust(width)}  {size:7.0f}")


def _in_milliseconds(seconds: Mapping[str, float]) -> dict[str, float]:
    return {part: value * 1000 for part, value in seconds.items()}

"""What the parts of a running Parterre use: processor time, memory, connections to PostgreSQL.

A part is one or several processes with all their children. Children that have ended count as long as
their parent has waited for them, as PostgreSQL and Celery do.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psutil

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Holdings:
    """What a part holds at a moment. ``memory`` is in MiB, what is shared counted in parts (PSS)."""

    processes: int
    memory: float
    connections: int


class Meter:
    """``roots``: ids of processes by the name of the part that they belong to."""

    def __init__(self, roots: Mapping[str, Sequence[int]]) -> None:
        self._roots = {part: [psutil.Process(pid) for pid in ids] for part, ids in roots.items()}

    @property
    def parts(self) -> list[str]:
        return list(self._roots)

    def processor_seconds(self) -> dict[str, float]:
        """Of each part since its start, in user and in system mode."""
        seconds: dict[str, float] = defaultdict(float)
        for part, process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                seconds[part] += times.user + times.system
                seconds[part] += times.children_user + times.children_system
        return dict(seconds)

    def holdings(self, database_port: int) -> dict[str, Holdings]:
        """PostgreSQL's own side of a connection is not counted."""
        found: dict[str, list[tuple[float, int]]] = defaultdict(list)
        for part, process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                connections = sum(
                    bool(one.raddr) and one.raddr.port == database_port
                    for one in process.net_connections("tcp")
                )
                found[part].append((process.memory_full_info().pss / MEBIBYTE, connections))
        return {
            part: Holdings(len(rows), sum(row[0] for row in rows), sum(row[1] for row in rows))
            for part, rows in found.items()
        }

    def _processes(self) -> Iterator[tuple[str, psutil.Process]]:
        for part, roots in self._roots.items():
            for root in roots:
                yield part, root
                with contextlib.suppress(psutil.NoSuchProcess):
                    for child in root.children(recursive=True):
                        yield part, child

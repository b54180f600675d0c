"""What the load writes down, and what is read from it: one line of JSON for each request."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

OK = "ok"


@dataclass(frozen=True)
class Request:
    """``at`` and ``seconds`` by the monotonic clock, which all processes of a machine share; ``outcome``
    is "ok", or what was wrong in a few words."""

    at: float
    seconds: float
    kind: str
    outcome: str

    @property
    def has_failed(self) -> bool:
        return self.outcome != OK


@dataclass(frozen=True)
class Booking:
    """A booking as the load was told of it; ``seats`` of a cancelled one are free again."""

    id: str
    event_id: str
    seats: int
    status: str


@dataclass(frozen=True)
class Phase:
    """What came of the requests that began in a stretch of time."""

    name: str
    seconds: float
    requests: Sequence[Request]

    @property
    def failed(self) -> list[Request]:
        return [request for request in self.requests if request.has_failed]

    def percentile(self, share: float) -> float:
        """Seconds within which ``share`` of the requests were answered. Of none: not a number."""
        times = sorted(request.seconds for request in self.requests)
        return times[math.ceil(share * len(times)) - 1] if times else math.nan

    def describe(self) -> str:
        """A line for the report."""
        p50, p99 = (self.percentile(share) * 1000 for share in (0.5, 0.99))
        longest = max((request.seconds for request in self.requests), default=math.nan) * 1000
        number = len(self.requests)
        return (
            f"{self.name:34} {self.seconds:5.0f} s {number:5} requests {number / self.seconds:5.1f}/s"
            f"  failed {len(self.failed):3}  p50 {p50:5.0f}  p99 {p99:5.0f}  longest {longest:5.0f} ms"
        )

    def describe_failures(self) -> str:
        """The ten most frequent."""
        counts = Counter(f"{request.kind}: {request.outcome}" for request in self.failed)
        return "\n".join(f"{count:4} {what}" for what, count in counts.most_common(10))


def read_requests(file: Path) -> list[Request]:
    """All requests so far; a line that is still being written is left for the next call."""
    text = file.read_text() if file.exists() else ""
    lines = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [Request(**json.loads(line)) for line in lines]


def cut(requests: Sequence[Request], name: str, start: float, end: float) -> Phase:
    """The requests that began between two moments."""
    return Phase(name, end - start, [r for r in requests if start <= r.at < end])


def join(name: str, *phases: Phase) -> Phase:
    """Several stretches as one."""
    requests = [request for phase in phases for request in phase.requests]
    return Phase(name, sum(phase.seconds for phase in phases), requests)

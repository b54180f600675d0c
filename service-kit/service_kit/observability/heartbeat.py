"""A file that a process without HTTP touches while its own loop comes round.

``HEARTBEAT_FILE`` names it; where it is not set, as in tests and in ``./scripts/up``, nothing is written.
The health check of Compose looks at its age.
"""

import contextlib
import os
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path

VARIABLE = "HEARTBEAT_FILE"
# More often says no more.
EVERY_SECONDS = 1.0


class Heartbeat:
    """``stuck_after_seconds``: how long one piece of work may take. While one takes longer the file is
    not touched, although others go on."""

    def __init__(
        self,
        path: Path | None,
        *,
        stuck_after_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._stuck_after_seconds = stuck_after_seconds
        self._clock = clock
        self._started: dict[Hashable, float] = {}
        self._touched_at = float("-inf")

    @classmethod
    def from_environment(cls, *, stuck_after_seconds: float) -> "Heartbeat":
        name = os.environ.get(VARIABLE)
        return cls(Path(name) if name else None, stuck_after_seconds=stuck_after_seconds)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Around one piece of work; at its end the file is touched."""
        work = object()
        self._started[work] = self._clock()
        try:
            yield
        finally:
            del self._started[work]
            self.beat()

    def beat(self) -> None:
        """Touches the file, unless some work is stuck. At most once a second. Raises OSError."""
        now = self._clock()
        if self._path is None or now - self._touched_at < EVERY_SECONDS or self._is_stuck(now):
            return
        self._path.touch()
        self._touched_at = now

    def beat_with(self, work: Iterable[Hashable]) -> None:
        """The same where somebody else does the work: ``work`` is all that is under way now."""
        now = self._clock()
        self._started = {one: self._started.get(one, now) for one in work}
        self.beat()

    def _is_stuck(self, now: float) -> bool:
        return any(now - start > self._stuck_after_seconds for start in self._started.values())

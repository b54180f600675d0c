"""A line for each step of a long command, with the seconds since its start."""

import time
from collections.abc import Callable
from contextlib import suppress


def _print(line: str) -> None:
    # Who read it may be gone, or the disk full: what is under way is still to be ended, or undone.
    with suppress(OSError):
        print(line, flush=True)


class Steps:
    """``steps("event: new container is healthy")`` writes ``[  12s] event: new container is healthy``."""

    def __init__(
        self,
        write: Callable[[str], None] = _print,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._clock = clock
        self._start = clock()

    def __call__(self, text: str) -> None:
        self._write(f"[{self.seconds:4.0f}s] {text}")

    @property
    def seconds(self) -> float:
        """Seconds since the command's start."""
        return self._clock() - self._start

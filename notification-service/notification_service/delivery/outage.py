"""Remembers that something every mail needs is away, so that not each mail waits for its timeout.

Messages are thus kept as rows at the usual speed during an outage, and the queue does not fill.
"""

import time

PAUSE_SECONDS = 2.0


class Outage:
    def __init__(self) -> None:
        self._until = 0.0

    def begin(self) -> None:
        self._until = time.monotonic() + PAUSE_SECONDS

    def is_on(self) -> bool:
        return time.monotonic() < self._until

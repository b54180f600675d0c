"""When those who are sent away may come again."""

import math
import random
import time
from collections.abc import Callable

SOONEST_SECONDS = 1
# Farther away nobody waits; from there on people come at any time of the second half.
LATEST_SECONDS = 60


class ReturnTimes:
    """Gives each who is sent away a time of their own, no more of them in a second than ``per_second``.

    All within the same few seconds, they would keep a process so busy with sending them away again
    that those inside are never answered.
    """

    def __init__(self, per_second: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._between = 1 / per_second
        self._clock = clock
        self._last = clock()

    def next_seconds(self) -> int:
        """For ``Retry-After``."""
        now = self._clock()
        latest = now + LATEST_SECONDS
        self._last = min(max(self._last, now + SOONEST_SECONDS) + self._between, latest)
        if self._last >= latest:
            return random.randint(LATEST_SECONDS // 2, LATEST_SECONDS)
        return math.ceil(self._last - now)

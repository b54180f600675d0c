"""A circuit breaker: while another system is down, calls are refused at once instead of waiting for its
timeout."""

import threading
import time
from collections.abc import Callable

from service_kit.metrics import CIRCUIT_OPEN

RETRY_AFTER_SECONDS = 2.0


class CircuitBreaker:
    """After a failure, calls are refused for ``retry_after_seconds``; then one call may try.

    A caller asks ``allow`` before each call and reports how the call ended. ``dependency`` is the name of
    the other system in metrics.
    """

    def __init__(
        self,
        dependency: str,
        *,
        retry_after_seconds: float = RETRY_AFTER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retry_after_seconds = retry_after_seconds
        self._clock = clock
        # 0.0 while calls are allowed.
        self._retry_at = 0.0
        self._lock = threading.Lock()
        self._gauge = CIRCUIT_OPEN.labels(dependency)

    def allow(self) -> bool:
        if not self._retry_at:
            return True
        with self._lock:
            if self._clock() < self._retry_at:
                return False
            # The others are still refused while this call tries.
            self._retry_at = self._clock() + self._retry_after_seconds
            return True

    def record_failure(self) -> None:
        self._gauge.set(1)
        self._retry_at = self._clock() + self._retry_after_seconds

    def record_success(self) -> None:
        # Each time: of the processes that share the gauge the last one holds, and another may have failed.
        self._gauge.set(0)
        self._retry_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, but for the one that tries."""
        return bool(self._retry_at)

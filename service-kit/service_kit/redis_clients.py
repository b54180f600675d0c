"""Redis clients that never make a request wait: short timeouts, no retries, and a breaker."""

import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

# Of the event loop itself, which stands still meanwhile; and of one request, while others go on.
BLOCKING_TIMEOUT_SECONDS = 0.05
TIMEOUT_SECONDS = 0.08
RETRY_AFTER_SECONDS = 2.0

T = TypeVar("T")


class Breaker:
    """Remembers that Redis is away, so that one request waits for it and not each.

    After a failure calls are refused for ``RETRY_AFTER_SECONDS``; then a single call may try.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._closed_at = 0.0
        self._lock = threading.Lock()

    def admits(self) -> bool:
        if not self._closed_at:
            return True
        with self._lock:
            if self._clock() < self._closed_at:
                return False
            # The others go on being refused while this one tries.
            self._closed_at = self._clock() + RETRY_AFTER_SECONDS
            return True

    def failed(self) -> None:
        self._closed_at = self._clock() + RETRY_AFTER_SECONDS

    def worked(self) -> None:
        self._closed_at = 0.0

    @property
    def is_open(self) -> bool:
        return bool(self._closed_at)


class AcceleratorRedis:
    """The cache's Redis for asynchronous code: an answer, or None within 80 ms."""

    def __init__(self, url: str) -> None:
        self.client = redis.asyncio.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            max_connections=64,
        )
        self.breaker = Breaker()

    async def attempt(self, call: Callable[["redis.asyncio.Redis"], Awaitable[T]]) -> T | None:
        """The result of ``call``, or None if Redis is away, slow, or was a moment ago."""
        if not self.breaker.admits():
            return None
        try:
            result = await call(self.client)
        except (redis.RedisError, OSError):
            self.breaker.failed()
            return None
        self.breaker.worked()
        return result

    async def close(self) -> None:
        await self.client.aclose()


def blocking_client(url: str) -> "redis.Redis":
    """For slowapi, which counts synchronously: at most 50 ms of the event loop, and seldom."""
    return redis.Redis.from_url(
        url,
        socket_timeout=BLOCKING_TIMEOUT_SECONDS,
        socket_connect_timeout=BLOCKING_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )

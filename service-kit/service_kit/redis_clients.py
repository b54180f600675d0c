"""Redis clients that never make a request wait: short timeouts, no retries, and a circuit breaker."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from service_kit.circuit_breaker import CircuitBreaker

# Of the event loop itself, which stands still meanwhile; and of one request, while others go on.
BLOCKING_TIMEOUT_SECONDS = 0.05
TIMEOUT_SECONDS = 0.08

T = TypeVar("T")


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
        self.breaker = CircuitBreaker("cache")

    async def attempt(self, call: Callable[["redis.asyncio.Redis"], Awaitable[T]]) -> T | None:
        """The result of ``call``, or None if Redis is away, slow, or was a moment ago."""
        if not self.breaker.allow():
            return None
        try:
            result = await call(self.client)
        except (redis.RedisError, OSError):
            self.breaker.record_failure()
            return None
        self.breaker.record_success()
        return result

    async def close(self) -> None:
        await close_client(self.client)


async def close_client(client: "redis.asyncio.Redis") -> None:
    """Ends its connections. One that takes longer than it may is dropped: what else ends with it goes on."""
    with suppress(redis.RedisError, OSError):
        await client.aclose()


def blocking_client(url: str) -> "redis.Redis":
    """For slowapi, which counts synchronously: at most 50 ms of the event loop, and seldom."""
    return redis.Redis.from_url(
        url,
        socket_timeout=BLOCKING_TIMEOUT_SECONDS,
        socket_connect_timeout=BLOCKING_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )

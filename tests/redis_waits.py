"""Redis in tests, however busy the machine is: one that is there is waited for, and how often one that
does not answer was waited for is counted, because how long a request takes tells nothing."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from service_kit import redis_clients
from service_kit.circuit_breaker import RETRY_AFTER_SECONDS, CircuitBreaker


@contextmanager
def patient_redis() -> Iterator[None]:
    """Clients that are made in the block wait for Redis: with the timeouts of production one that is late
    is taken for one that is away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redis_clients, "TIMEOUT_SECONDS", 30.0)
        patch.setattr(redis_clients, "BLOCKING_TIMEOUT_SECONDS", 30.0)
        yield


@contextmanager
def few_waits() -> Iterator[None]:
    """Each breaker of what runs in the block finds out, once, and once more whenever a while has passed;
    nobody else waits for a timeout."""
    waits: Counter[int] = Counter()
    original = CircuitBreaker.record_failure

    def record_failure(breaker: CircuitBreaker) -> None:
        waits[id(breaker)] += 1
        original(breaker)

    began = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CircuitBreaker, "record_failure", record_failure)
        yield
    allowed = 1 + (time.monotonic() - began) / RETRY_AFTER_SECONDS
    assert waits, "Redis answered"
    assert max(waits.values()) <= allowed, waits

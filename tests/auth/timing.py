"""Telling times apart on a machine that others use as well."""

import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

Attempt = Callable[[], Awaitable[Any]]

ROUNDS = 50
TOLERANCE = 0.10
BATCHES = 6


async def take_as_long(first: Attempt, second: Attempt) -> bool:
    """Whether the medians of 50 come within 10 % of each other.

    What else runs here can make two equal times look different, but not two different ones equal
    by and by: so a few batches may try, and in each the two take turns.
    """
    for _ in range(BATCHES):
        medians = await measure(first, second)
        if max(medians) <= (1 + TOLERANCE) * min(medians):
            return True
    return False


async def measure(*attempts: Attempt, rounds: int = ROUNDS) -> list[float]:
    """Median seconds of each."""
    seconds: list[list[float]] = [[] for _ in attempts]
    for n in range(rounds):
        # The one that comes second would find warm caches each time.
        for index in range(len(attempts))[:: 1 if n % 2 else -1]:
            started = time.perf_counter()
            await attempts[index]()
            seconds[index].append(time.perf_counter() - started)
    return [median(values) for values in seconds]

"""Sharing one computation among those who ask for the same at the same time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Compute = Callable[[], Coroutine[Any, Any, bytes]]


class Departures:
    """Shares computations where no version says how new a result is: who comes while one is under
    way waits for the next, which begins when that has ended and so sees all that was committed
    before. Without it, an hour without Redis would bring each request to the database."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Future[bytes]] = {}
        self._next: dict[str, asyncio.Future[bytes]] = {}

    async def share(self, key: str, compute: Compute) -> bytes:
        under_way = self._under_way.get(key)
        if under_way is None:
            flight = self._depart(key, compute())
        else:
            flight = self._next.get(key) or self._queue(key, under_way, compute)
        return await asyncio.shield(flight)

    def _depart(self, key: str, work: Coroutine[Any, Any, bytes]) -> asyncio.Future[bytes]:
        flight = asyncio.ensure_future(work)
        self._under_way[key] = flight
        flight.add_done_callback(lambda done: self._arrived(key, done))
        return flight

    def _queue(
        self, key: str, before: asyncio.Future[bytes], compute: Compute
    ) -> asyncio.Future[bytes]:
        async def later() -> bytes:
            await asyncio.wait([before])
            del self._next[key]
            return await self._depart(key, compute())

        flight = asyncio.ensure_future(later())
        self._next[key] = flight
        return flight

    def _arrived(self, key: str, flight: asyncio.Future[bytes]) -> None:
        if self._under_way.get(key) is flight:
            del self._under_way[key]

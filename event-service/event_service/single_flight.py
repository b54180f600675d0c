"""One computation per key at a time in a process; callers that ask for the same share its result."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

ResultT = TypeVar("ResultT")
Compute = Callable[[], Coroutine[Any, Any, ResultT]]


class SingleFlight(Generic[ResultT]):
    """``join`` is for keys that name a version, ``join_next`` for keys that do not.

    A caller that is cancelled does not cancel the computation: others may wait for it.
    """

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Future[ResultT]] = {}
        self._next: dict[str, asyncio.Future[ResultT]] = {}

    @property
    def is_idle(self) -> bool:
        return not self._running and not self._next

    async def join(self, key: str, compute: Compute[ResultT]) -> ResultT:
        """The result of the running computation of ``key``, or of a new one."""
        flight = self._running.get(key) or self._start(key, compute())
        return await asyncio.shield(flight)

    async def join_next(self, key: str, compute: Compute[ResultT]) -> ResultT:
        """The result of a computation that starts after the call, so that it sees all earlier commits.

        A caller that arrives during a computation waits for the next one, which all such callers share.
        """
        running = self._running.get(key)
        if running is None:
            flight = self._start(key, compute())
        else:
            flight = self._next.get(key) or self._queue(key, running, compute)
        return await asyncio.shield(flight)

    def _start(
        self, key: str, computation: Coroutine[Any, Any, ResultT]
    ) -> asyncio.Future[ResultT]:
        flight = asyncio.ensure_future(computation)
        self._running[key] = flight
        flight.add_done_callback(lambda done: self._finish(key, done))
        return flight

    def _queue(
        self, key: str, running: asyncio.Future[ResultT], compute: Compute[ResultT]
    ) -> asyncio.Future[ResultT]:
        async def wait_and_start() -> ResultT:
            await asyncio.wait([running])
            del self._next[key]
            return await self._start(key, compute())

        flight = asyncio.ensure_future(wait_and_start())
        self._next[key] = flight
        return flight

    def _finish(self, key: str, flight: asyncio.Future[ResultT]) -> None:
        if self._running.get(key) is flight:
            del self._running[key]

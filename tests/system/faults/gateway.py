"""What a gateway does: it sends each request to a replica whose readiness is green, once."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import httpx

from tests.events.servers import Server

LOOK_EVERY_SECONDS = 0.1
CLIENTS = 8
# Enough load to meet every moment, and something left for processes that start.
PAUSE_SECONDS = 0.02

# The next request: method, path, and what httpx wants for the rest.
NextRequest = Callable[[], tuple[str, str, Mapping[str, Any]]]


class Gateway:
    """Keeps connections, as gateways do, and retries nothing."""

    def __init__(self, replicas: Sequence[Server], next_request: NextRequest) -> None:
        self.outcomes: Counter[str] = Counter()
        self._next_request = next_request
        self._http = {replica: httpx.AsyncClient(base_url=replica.url) for replica in replicas}
        self._green: list[Server] = []
        self._turn = itertools.count()
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._look_after(replica)) for replica in self._http]
        while len(self._green) < len(self._http):
            await asyncio.sleep(0.01)
        self._tasks += [asyncio.create_task(self._ask()) for _ in range(CLIENTS)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)
        for http in self._http.values():
            await http.aclose()

    def sends_to(self, replica: Server) -> bool:
        return replica in self._green

    async def has_sent(self, requests: int) -> None:
        goal = self.outcomes.total() + requests
        while self.outcomes.total() < goal:
            await asyncio.sleep(0.01)

    async def _look_after(self, replica: Server) -> None:
        async with httpx.AsyncClient(base_url=replica.url) as http:
            while not self._stop.is_set():
                try:
                    is_green = (await http.get("/health/ready")).status_code == 200
                except httpx.TransportError:
                    is_green = False
                others = [other for other in self._green if other is not replica]
                self._green = [*others, replica] if is_green else others
                await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _ask(self) -> None:
        while not self._stop.is_set():
            green = self._green
            replica = green[next(self._turn) % len(green)]
            method, path, more = self._next_request()
            try:
                answer = await self._http[replica].request(method, path, **more)
                self.outcomes[str(answer.status_code)] += 1
            except httpx.TransportError as error:
                self.outcomes[type(error).__name__] += 1
            await asyncio.sleep(PAUSE_SECONDS)

"""A small HTTP/1.1 client for load on this machine: many connections, one process, a time limit.

httpx needs more processor time for a request than the service that is measured."""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_SECONDS = 30.0
# For some thousand connections to be made before anybody asks.
CONNECTING_SECONDS = 2.0


@dataclass
class Measured:
    seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0

    @property
    def per_second(self) -> float:
        return len(self.milliseconds) / self.seconds

    def percentile(self, percent: float) -> float:
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class Connection:
    """One that is used for a request after another; what it meets goes to ``measured``."""

    def __init__(self, port: int, measured: Measured) -> None:
        self._port = port
        self._measured = measured

    async def __aenter__(self) -> "Connection":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def send(self, request: bytes) -> bytes:
        """The head of the answer."""
        began = time.perf_counter()
        self._writer.write(request)
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), TIMEOUT_SECONDS)
        await self._reader.readexactly(_number(head, b"content-length:", 0))
        self._measured.milliseconds.append((time.perf_counter() - began) * 1000)
        self._measured.statuses[int(head[9:12])] += 1
        return head


def request(
    method: str, path: str, body: bytes = b"", token: str | None = None, **headers: str
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def run(port: int, requests: Iterator[bytes], *, connections: int, seconds: float) -> Measured:
    """Sends requests until time is up or there are no more."""
    measured = Measured()

    async def client() -> None:
        async with Connection(port, measured) as connection:
            while time.perf_counter() < until and (sent := next(requests, None)) is not None:
                await connection.send(sent)

    until = time.perf_counter() + seconds
    asyncio.run(_all(client() for _ in range(connections)))
    measured.seconds = time.perf_counter() - until + seconds
    return measured


def all_at_once(port: int, requests: list[bytes]) -> Measured:
    """Everybody connects, then all ask at the same moment, each once; a 503 is asked again after as
    many seconds as it names."""
    measured = Measured()
    start = asyncio.Event()

    async def client(sent: bytes) -> None:
        try:
            async with Connection(port, measured) as connection:
                await start.wait()
                while (head := await connection.send(sent))[9:12] == b"503":
                    await asyncio.sleep(_number(head, b"retry-after:", 1))
        except (OSError, EOFError):
            measured.unanswered += 1

    async def start_all() -> None:
        await asyncio.sleep(CONNECTING_SECONDS)
        measured.seconds = -time.perf_counter()
        start.set()

    asyncio.run(_all([*map(client, requests), start_all()]))
    measured.seconds += time.perf_counter()
    return measured


async def _all(clients: Iterable[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*clients)


def _number(head: bytes, name: bytes, default: int) -> int:
    """The value of a header, whose name is in lower case and with its colon."""
    lower = head.lower()
    start = lower.find(name)
    if start < 0:
        return default
    return int(lower[start + len(name) : lower.index(b"\r", start)])

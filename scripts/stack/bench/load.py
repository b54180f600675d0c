"""A small HTTP/1.1 client for load on this machine: many connections, one process, a time limit."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

TIMEOUT_SECONDS = 30.0
# For some thousand connections to be made before anybody asks.
CONNECTING_SECONDS = 2.0


@dataclass
class Measured:
    seconds: float
    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0

    @property
    def per_second(self) -> float:
        return len(self.milliseconds) / self.seconds

    def percentile(self, percent: float) -> float:
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


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


async def _connection(
    port: int, next_request: Callable[[], bytes | None], until: float, measured: Measured
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while time.perf_counter() < until:
            sent = next_request()
            if sent is None:
                return
            await _exchange(reader, writer, sent, measured)
    finally:
        writer.close()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes, measured: Measured
) -> bytes:
    began = time.perf_counter()
    writer.write(sent)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT_SECONDS)
    await reader.readexactly(_length(head))
    measured.milliseconds.append((time.perf_counter() - began) * 1000)
    measured.statuses[int(head[9:12])] += 1
    return head


def _length(head: bytes) -> int:
    lower = head.lower()
    start = lower.find(b"content-length:")
    return int(lower[start + 15 : lower.index(b"\r", start)]) if start >= 0 else 0


def run(
    port: int, next_request: Callable[[], bytes | None], *, connections: int, seconds: float
) -> Measured:
    """Sends what ``next_request`` gives until time is up or it gives None."""
    measured = Measured(seconds)

    async def everybody() -> None:
        until = time.perf_counter() + seconds
        await asyncio.gather(
            *(_connection(port, next_request, until, measured) for _ in range(connections))
        )

    began = time.perf_counter()
    asyncio.run(everybody())
    measured.seconds = time.perf_counter() - began
    return measured


def rush(port: int, requests: list[bytes]) -> Measured:
    """Everybody connects, then all ask at the same moment, each once; who hears 503 asks again after
    as many seconds as the answer names."""
    measured = Measured(0.0)

    async def person(sent: bytes, doors: asyncio.Event) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await doors.wait()
            while (head := await _exchange(reader, writer, sent, measured))[9:12] == b"503":
                await asyncio.sleep(_retry_after(head))
        except (OSError, EOFError):
            measured.unanswered += 1
        finally:
            writer.close()

    async def everybody() -> None:
        doors = asyncio.Event()
        people = [asyncio.create_task(person(sent, doors)) for sent in requests]
        await asyncio.sleep(CONNECTING_SECONDS)
        began = time.perf_counter()
        doors.set()
        await asyncio.gather(*people)
        measured.seconds = time.perf_counter() - began

    asyncio.run(everybody())
    return measured


def _retry_after(head: bytes) -> int:
    lower = head.lower()
    start = lower.find(b"retry-after:")
    return int(lower[start + 12 : lower.index(b"\r", start)]) if start >= 0 else 1

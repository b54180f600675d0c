"""A small HTTP/1.1 client for load on this machine: many connections, one process, a time limit."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

TIMEOUT_SECONDS = 30.0


@dataclass
class Measured:
    seconds: float
    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

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
            began = time.perf_counter()
            writer.write(sent)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT_SECONDS)
            await reader.readexactly(_length(head))
            measured.milliseconds.append((time.perf_counter() - began) * 1000)
            measured.statuses[int(head[9:12])] += 1
    finally:
        writer.close()


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

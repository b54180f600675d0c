"""A small HTTP/1.1 client for load on this machine: many connections, one process, a time limit.

httpx needs more processor time for a request than the service that is measured."""

import asyncio
import math
import socket
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

TIMEOUT_SECONDS = 30.0
# Who is asked to come again that long gives up.
PATIENCE_SECONDS = 30.0
# Connections that are being made at the same time: fewer than a server lets wait for it.
CONNECTING = 500


@dataclass
class Measured:
    """What was answered in ``seconds``, and the processor time that asking took in this process.
    ``milliseconds`` are of all answers but those that ask to come again, which are in ``refusals``.
    """

    seconds: float = 0.0
    processor_seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0

    @property
    def per_second(self) -> float:
        return len(self.milliseconds) / self.seconds

    @property
    def cores(self) -> float:
        """The load generator's own share of the processor: 1 is a whole core."""
        return self.processor_seconds / self.seconds

    def percentile(self, percent: float) -> float:
        ordered = sorted(self.milliseconds) or [math.nan]
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]

    @contextmanager
    def timed(self) -> Iterator[None]:
        began, used = time.perf_counter(), time.process_time()
        yield
        self.seconds = time.perf_counter() - began
        self.processor_seconds = time.process_time() - used


class Connection:
    """One that is used for a request after another; what it meets goes to ``measured``."""

    def __init__(self, port: int, measured: Measured) -> None:
        self.measured = measured
        self._port = port

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    def close(self) -> None:
        self._writer.close()

    async def send(self, request: bytes) -> bytes:
        """The head of the answer."""
        began = time.perf_counter()
        if self._reader.at_eof():
            await self.open()
        self._writer.write(request)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            head = await self._reader.readuntil(b"\r\n\r\n")
            if b"transfer-encoding: chunked" in head.lower():
                await self._skip_chunks()
            else:
                await self._reader.readexactly(_number(head, b"content-length:", 0))
        took = (time.perf_counter() - began) * 1000
        (self.measured.refusals if is_refusal(head) else self.measured.milliseconds).append(took)
        self.measured.statuses[int(head[9:12])] += 1
        return head

    async def _skip_chunks(self) -> None:
        """A body without a length, as a gateway writes that compresses."""
        size = 1
        while size:
            size = int((await self._reader.readline()).split(b";")[0], 16)
            await self._reader.readexactly(size + 2)


def shake_hands(port: int, context: ssl.SSLContext) -> None:
    """Makes a connection with TLS and closes it."""
    with (
        socket.create_connection(("localhost", port), TIMEOUT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname="localhost"),
    ):
        pass


def is_refusal(head: bytes) -> bool:
    return head[9:12] == b"503"


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

    async def use(connection: Connection) -> None:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until and (sent := next(requests, None)) is not None:
            await connection.send(sent)

    return _measure(port, [use] * connections)


def all_at_once(port: int, requests: list[bytes]) -> Measured:
    """Everybody connects, then all ask at the same moment, each once; a 503 is asked again after as
    many seconds as it names, for a while. ``seconds`` is until everybody has another answer."""

    async def ask(sent: bytes, connection: Connection) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while is_refusal(head := await connection.send(sent)):
                    await asyncio.sleep(_number(head, b"retry-after:", 1))
        except (OSError, EOFError):
            connection.measured.unanswered += 1

    return _measure(port, [partial(ask, sent) for sent in requests])


def _measure(port: int, clients: Sequence[Callable[[Connection], Awaitable[None]]]) -> Measured:
    """Each client on a connection of its own, from when all are connected."""
    measured = Measured()
    connections = [Connection(port, measured) for _ in clients]

    async def measure() -> None:
        for start in range(0, len(connections), CONNECTING):
            await asyncio.gather(*(one.open() for one in connections[start : start + CONNECTING]))
        with measured.timed():
            await asyncio.gather(*(use(one) for use, one in zip(clients, connections, strict=True)))
        for one in connections:
            one.close()

    asyncio.run(measure())
    return measured


def _number(head: bytes, name: bytes, default: int) -> int:
    """The value of a header, whose name is in lower case and with its colon."""
    lower = head.lower()
    start = lower.find(name)
    if start < 0:
        return default
    return int(lower[start + len(name) : lower.index(b"\r", start)])

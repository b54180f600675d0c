"""A plain gateway: each connection goes to the next of several processes."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread


class RoundRobin:
    """In a thread of its own, with a loop of its own. ``served`` counts connections by port."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.served: Counter[int] = Counter()
        self.port = 0
        self._turn = itertools.cycle(ports)
        self._is_ready = Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._pipes: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        self._is_ready.set()
        await self._stop.wait()
        server.close()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = next(self._turn)
        self.served[port] += 1
        there, to_there = await asyncio.open_connection("127.0.0.1", port)
        for source, sink in ((reader, to_there), (there, writer)):
            pipe = asyncio.create_task(_forward(source, sink))
            self._pipes.add(pipe)
            pipe.add_done_callback(self._pipes.discard)

    @contextmanager
    def running(self) -> Iterator["RoundRobin"]:
        thread = Thread(target=self._loop.run_until_complete, args=(self._run(),), daemon=True)
        thread.start()
        assert self._is_ready.wait(10)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join(10)
            self._loop.close()


async def _forward(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while said := await source.read(1 << 16):
            sink.write(said)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()

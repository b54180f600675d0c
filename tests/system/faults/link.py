"""The line between a worker and Redis, which can go dead without either end being told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Link:
    """A TCP proxy. Once ``cut``, what is said over its connections goes nowhere, in either direction,
    and nobody closes them, as where a firewall has forgotten a connection; new ones are well."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._is_dead: list[bool] = [False]
        self._pipes: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        host = f":{self._target.password}@127.0.0.1:{port}"
        return self._target._replace(netloc=host).geturl()

    def cut(self) -> None:
        """At once, whichever thread asks."""
        self._is_dead[0] = True
        self._is_dead = [False]

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_dead = self._is_dead
        self._writers.append(writer)
        there, to_there = await asyncio.open_connection("127.0.0.1", self._target.port)
        self._writers.append(to_there)
        for source, sink in ((reader, to_there), (there, writer)):
            pipe = asyncio.create_task(_forward(source, sink, is_dead))
            self._pipes.add(pipe)
            pipe.add_done_callback(self._pipes.discard)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for pipe in list(self._pipes):
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)
        # A pipe that was cancelled before it began has closed nothing.
        for writer in self._writers:
            writer.close()


async def _forward(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, is_dead: list[bool]
) -> None:
    try:
        while said := await source.read(1 << 16):
            if not is_dead[0]:
                sink.write(said)
                await sink.drain()
        if is_dead[0]:
            # The other end must not hear of it.
            await asyncio.Event().wait()
    except ConnectionError:
        pass
    finally:
        sink.close()


@asynccontextmanager
async def link_to(url: str) -> AsyncIterator[Link]:
    link = Link(url)
    await link.start()
    try:
        yield link
    finally:
        await link.close()

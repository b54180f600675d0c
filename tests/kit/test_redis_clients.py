"""Redis clients at the end of a process."""

import asyncio

import pytest

from service_kit.redis_clients import AcceleratorRedis


async def test_a_connection_that_ends_too_late_stops_no_shutdown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = asyncio.Event()

    async def agree(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1_000):
            writer.write(b"+OK\r\n")
        writer.close()
        ended.set()

    async with await asyncio.start_server(agree, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        redis = AcceleratorRedis(f"redis://127.0.0.1:{port}/0?protocol=2")
        assert await redis.attempt(lambda client: client.set("key", "value"))
        closed = asyncio.StreamWriter.wait_closed

        async def close_late(writer: asyncio.StreamWriter) -> None:
            """As on a busy machine."""
            await asyncio.sleep(0.3)
            await closed(writer)

        with monkeypatch.context() as patched:
            patched.setattr(asyncio.StreamWriter, "wait_closed", close_late)
            await redis.close()
        await ended.wait()

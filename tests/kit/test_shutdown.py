"""A process that is asked to end says so, and serves until others have heard of it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import pytest

from service_kit.web.shutdown import LINGER_SECONDS
from stack.ports import free_port
from tests.kit.conftest import MakeSettings, client_of, problem, serving

# Longer than a busy machine takes for four requests.
DRAIN_SECONDS = 1.5


@pytest.fixture
async def ended() -> AsyncIterator[asyncio.Event]:
    """Set when the server would have ended: it is its handler that ours stands around."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    before = signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(ended.set))
    yield ended
    signal.signal(signal.SIGTERM, before)


async def has_heard() -> None:
    """Python calls a handler between two of its steps."""
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.01)


async def test_readiness_turns_red_and_requests_are_served(
    make_settings: MakeSettings, ended: asyncio.Event
) -> None:
    settings = make_settings(drain_seconds=DRAIN_SECONDS)
    async with serving(settings) as app, client_of(app) as client:
        before = await client.get("/open")
        await has_heard()
        during = await client.get("/open")
        ready = await client.get("http://localhost/health/ready")
        live = await client.get("http://localhost/health/live")
        assert not ended.is_set()
        await asyncio.wait_for(ended.wait(), 5)
    assert (before.status_code, during.status_code, live.status_code) == (200, 200, 200)
    assert problem(ready) == (503, "leaving")
    # Whoever keeps connections looks for another one now.
    assert "connection" not in before.headers
    assert during.headers["connection"] == "close"


async def test_who_is_asked_twice_has_the_same_time(
    make_settings: MakeSettings, ended: asyncio.Event
) -> None:
    """As a worker process is, by its parent and by systemd."""
    async with serving(make_settings(drain_seconds=DRAIN_SECONDS)):
        for _ in range(2):
            await has_heard()
            assert not ended.is_set()
        await asyncio.wait_for(ended.wait(), 5)


async def test_without_a_time_to_leave_the_servers_own_handler_stays(
    make_settings: MakeSettings, ended: asyncio.Event
) -> None:
    async with serving(make_settings()) as app:
        await has_heard()
        assert ended.is_set()
        assert not app.state.shutdown.has_begun


SERVER = """
import sys, uvicorn
from contextlib import asynccontextmanager
from fastapi import FastAPI
from service_kit.web.shutdown import Shutdown, drain, linger

shutdown = Shutdown()

@asynccontextmanager
async def lifespan(app):
    with drain(shutdown, drain_seconds=0.5):
        yield
    await linger(shutdown)

uvicorn.run(FastAPI(lifespan=lifespan), host="127.0.0.1", port=int(sys.argv[1]))
"""


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_it_refuses_at_its_end_for_as_long_as_its_address_is_remembered() -> None:
    """Of a container that is gone the gateway would hear nothing, and a visitor would wait."""
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", SERVER, str(port)], env=environment) as process:
        try:
            while is_refused(port):
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            while not is_refused(port):
                assert process.poll() is None
                time.sleep(0.05)
            shut = time.monotonic()
            process.wait(30)
            assert time.monotonic() - shut > 1
        finally:
            process.kill()


async def test_who_was_not_drained_ends_at_once(make_settings: MakeSettings) -> None:
    start = time.monotonic()
    async with serving(make_settings(drain_seconds=DRAIN_SECONDS)):
        pass
    assert time.monotonic() - start < LINGER_SECONDS

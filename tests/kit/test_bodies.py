"""Who sends slowly, halfway or never: it costs them their time, and nobody else a place."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import sentry_sdk
import uvicorn
from fastapi import FastAPI

from service_kit.web.connections import BoundedProtocol
from tests.kit.conftest import Door, MakeSettings, bearer, problem, serving

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
opened: list[asyncio.StreamWriter] = []


async def connect(port: int, **options: int) -> Connection:
    connection = await asyncio.open_connection("127.0.0.1", port, **options)
    opened.append(connection[1])
    return connection


class Server(uvicorn.Server):
    """In the loop of the test, which has its own signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@asynccontextmanager
async def listening(app: FastAPI, *, keep_alive: int = 75) -> AsyncIterator[int]:
    """The port of a real server, with the protocol that services have."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        config = uvicorn.Config(
            app, http=BoundedProtocol, lifespan="off", log_config=None, timeout_keep_alive=keep_alive,
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = Server(config)
        task = asyncio.create_task(server.serve([sock]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield port
        finally:
            while opened:
                writer = opened.pop()
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()
            server.should_exit = True
            await task


def head(length: int, *more: str, path: str = "/api/v1/things") -> bytes:
    token = bearer()["Authorization"]
    lines = [
        f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json",
        f"Authorization: {token}", f"Content-Length: {length}", *more,
    ]  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def send_half(port: int, half: bytes = b'{"name"', length: int = 100) -> Connection:
    reader, writer = await connect(port)
    writer.write(head(length) + half)
    await writer.drain()
    return reader, writer


async def status_of(reader: asyncio.StreamReader) -> tuple[int, str]:
    async with asyncio.timeout(20):
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        length = next(int(x.partition(":")[2]) for x in lines if x.startswith("content-length"))
        body = await reader.readexactly(length)
    kind = json.loads(body).get("type", "") if body.startswith(b"{") else body.decode()
    return int(lines[0].split()[1]), kind.removeprefix("urn:problem:")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def under_way(app: FastAPI) -> int:
    return len(app.state.arrivals._under_way)


async def test_half_sent_bodies_take_no_place_from_others(make_settings: MakeSettings) -> None:
    settings = make_settings(max_concurrent_requests=5)
    async with serving(settings) as app, listening(app) as port:
        halves = [await send_half(port) for _ in range(60)]
        async with httpx.AsyncClient(base_url=f"http://localhost:{port}/api/v1") as client:
            await until(lambda: under_way(app) == 60)
            # The client's own connection goes by name to 127.0.0.1, as the others do.
            assert (await client.get("/open")).status_code == 200
            made = await client.post("/things", json={"name": "x"}, headers=bearer())
            assert made.status_code == 201
            # The second half comes, and they are served.
            for _, writer in halves:
                writer.write(b': "x"}'.ljust(100 - len(b'{"name"')))
            statuses = [(await status_of(reader))[0] for reader, _ in halves]
        assert set(statuses) <= {201, 503} and statuses.count(201) >= 5


async def test_control_who_is_inside_does_take_a_place(make_settings: MakeSettings) -> None:
    async with serving(make_settings(max_concurrent_requests=1)) as app, listening(app) as port:
        app.state.door = Door()
        async with httpx.AsyncClient(base_url=f"http://localhost:{port}/api/v1") as client:
            inside = asyncio.create_task(client.get("/door"))
            await app.state.door.went_in.acquire()
            assert problem(await client.get("/open")) == (503, "unavailable")
            reader, writer = await send_half(port)
            assert await status_of(reader) == (503, "unavailable")
            app.state.door.is_open.set()
            await inside


async def test_a_body_that_does_not_arrive_in_time_is_answered_with_408(
    make_settings: MakeSettings,
) -> None:
    settings = make_settings(request_body_seconds=0.3)
    async with serving(settings) as app, listening(app) as port:
        never, drops = await send_half(port, b""), await send_half(port)
        started = time.monotonic()

        async def drip() -> None:
            while True:
                drops[1].write(b" ")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        for reader, _ in (never, drops):
            assert await status_of(reader) == (408, "request-timeout")
            # The connection ends: what still comes of the body would be taken for a request. Whoever
            # writes to its closed end is told so by a reset.
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        dripping.cancel()
        assert time.monotonic() - started < 15
        assert under_way(app) == 0 and app.state.arrivals._bytes == 0


@pytest.mark.parametrize("limits", [{"max_arriving_requests": 3}, {"max_arriving_bytes": 3_500}])
async def test_beyond_the_bounds_the_one_that_is_longest_on_its_way_ends(
    make_settings: MakeSettings, limits: dict[str, int]
) -> None:
    settings = make_settings(**limits)
    async with serving(settings) as app, listening(app) as port:
        halves = []
        for number in range(1, 5):
            halves.append(await send_half(port, b" " * 1_000, length=2_000))
            await until(lambda n=number: under_way(app) == min(n, 3))  # type: ignore[misc]
        assert await status_of(halves[0][0]) == (408, "request-timeout")
        for reader, writer in halves[1:]:
            writer.write(b'{"name": "x"}'.ljust(1_000))
            assert (await status_of(reader))[0] == 201
        assert under_way(app) == 0 and app.state.arrivals._bytes == 0


async def test_many_pieces_are_one_body_and_too_many_are_too_large(
    make_settings: MakeSettings,
) -> None:
    async with serving(make_settings(max_body_bytes=10_000)) as app, listening(app) as port:
        async with httpx.AsyncClient(base_url=f"http://localhost:{port}/api/v1") as client:

            async def pieces(count: int) -> AsyncIterator[bytes]:
                yield b'{"name":'
                for _ in range(count):
                    yield b" " * 100
                    await asyncio.sleep(0)
                yield b'"x"}'

            headers = bearer() | {"Content-Type": "application/json"}
            whole = await client.post("/things", content=pieces(50), headers=headers)
            large = await client.post("/things", content=pieces(200), headers=headers)
        assert whole.status_code == 201
        assert problem(large) == (413, "too-large")
        assert app.state.arrivals._bytes == 0


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 5_000, "0x10", "\u0661", ""])
async def test_a_length_that_is_none_is_refused(make_settings: MakeSettings, length: str) -> None:
    async with serving(make_settings()) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.post(
                "/api/v1/things", headers=[(b"Content-Length", length.encode())]
            )
    assert answer.status_code in (401, 413, 422)


async def test_who_leaves_in_the_midst_of_a_body_is_no_crash(
    make_settings: MakeSettings,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    told: list[BaseException] = []
    monkeypatch.setattr(sentry_sdk, "capture_exception", told.append)
    async with serving(make_settings()) as app, listening(app) as port:
        for how in ("end", "reset"):
            _, writer = await send_half(port)
            await until(lambda: under_way(app) == 1)
            if how == "reset":
                linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, linger
                )
            writer.close()
            await until(lambda: under_way(app) == 0)
        await until(lambda: counted(app, "499") == 2)
        assert counted(app, "500") == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if "{" in line]
    events = [line["event"] for line in lines]
    assert told == [] and "request.crashed" not in events
    assert events.count("request.abandoned") == 2
    assert {line["level"] for line in lines if line["event"].startswith("request")} == {"info"}


def counted(app: FastAPI, status: str) -> float:
    labels = {"method": "POST", "route": "(none)", "status": status}
    return app.state.metrics.get_sample_value("http_requests_total", labels) or 0.0


async def test_a_head_that_does_not_end_is_ended(make_settings: MakeSettings) -> None:
    async with serving(make_settings(head_seconds=0.2)) as app, listening(app) as port:
        first, slow = await connect(port)
        slow.write(b"GET /api/v1/open HTTP/1.1\r\nHost: localhost\r\nX: ")
        # The second request of a connection has its time too.
        second, kept = await connect(port)
        kept.write(b"GET /api/v1/open HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await status_of(second))[0] == 200
        kept.write(b"GET /api/v1/open HTTP/1.1\r\nHo")
        huge, writer = await connect(port)
        writer.write(b"GET /api/v1/open HTTP/1.1\r\nX: " + b"x" * 70_000)
        for reader in (first, second, huge):
            assert (await status_of(reader))[0] == 400
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""


async def test_beyond_the_limit_the_longest_idle_connection_goes(
    make_settings: MakeSettings,
) -> None:
    async with serving(make_settings(max_connections=3)) as app, listening(app) as port:
        connected = [await connect(port) for _ in range(3)]
        await until(lambda: len(BoundedProtocol.waiting) == 3)
        # The first has a request, so that the second is longest idle.
        connected[0][1].write(b"GET /api/v1/open HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await status_of(connected[0][0]))[0] == 200
        connected.append(await connect(port))
        async with asyncio.timeout(20):
            assert await connected[1][0].read() == b""
        for number in (0, 2, 3):
            connected[number][1].write(b"GET /api/v1/open HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await status_of(connected[number][0]))[0] == 200


async def test_a_connection_that_was_reset_is_forgotten_at_once(
    make_settings: MakeSettings,
) -> None:
    async with serving(make_settings()) as app, listening(app) as port:
        reader, writer = await connect(port)
        writer.write(b"GET /api/v1/open HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await status_of(reader))[0] == 200
        await until(lambda: len(BoundedProtocol.waiting) == 1)
        [protocol] = BoundedProtocol.waiting
        assert protocol.timeout_keep_alive_task is not None
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        writer.close()
        await until(lambda: not BoundedProtocol.waiting)
        assert protocol.timeout_keep_alive_task is None


async def test_who_reads_a_long_answer_slowly_keeps_no_place_and_is_let_go(
    make_settings: MakeSettings,
) -> None:
    settings = make_settings(max_concurrent_requests=1, unread_seconds=0.5)
    async with serving(settings) as app, listening(app) as port:
        ended = app.state.stream_ended = asyncio.Event()
        _, writer = await connect(port, limit=1024)
        writer.write(b"GET /api/v1/endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: getattr(app.state, "streamed", 0) > 100)
        async with httpx.AsyncClient(base_url=f"http://localhost:{port}/api/v1") as client:
            assert (await client.get("/open")).status_code == 200
        async with asyncio.timeout(20):
            await ended.wait()


Send = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
PROBLEMS: dict[str, tuple[int, Send]] = {
    "crash": (500, lambda client: client.get("/crash")),
    "bad-host": (400, lambda client: client.get("/open", headers={"Host": "evil.example"})),
    "too-large": (413, lambda client: client.post("/things", content=b" " * 2_000_000)),
    "not-authenticated": (401, lambda client: client.post("/things")),
    "not-found": (404, lambda client: client.get("/nowhere")),
    "method-not-allowed": (405, lambda client: client.put("/things")),
    "invalid-request": (422, lambda client: client.get("/open?limit=0")),
    "late failure": (500, lambda client: client.post("/late-failure", headers=bearer())),
}


@pytest.mark.parametrize("name", PROBLEMS)
async def test_a_page_elsewhere_can_read_every_problem(
    make_settings: MakeSettings, name: str
) -> None:
    ours = "https://tickets.example"
    status, ask = PROBLEMS[name]
    async with serving(make_settings(cors_origins=(ours,))) as app:
        transport = httpx.ASGITransport(app)
        for origin in (ours, "https://evil.example"):
            async with httpx.AsyncClient(
                transport=transport,
                base_url="http://localhost/api/v1",
                headers={"Origin": origin},
            ) as client:
                answer = await ask(client)
            assert answer.status_code == status and problem(answer)
            allowed = answer.headers.get("access-control-allow-origin")
            assert allowed == (ours if origin == ours else None)


async def test_a_late_body_is_read_elsewhere_too(make_settings: MakeSettings) -> None:
    settings = make_settings(cors_origins=("https://t.example",), request_body_seconds=0.1)
    async with serving(settings) as app, listening(app) as port:
        reader, writer = await connect(port)
        writer.write(head(100, "Origin: https://t.example"))
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert answer.startswith(b"http/1.1 408")
        assert b"access-control-allow-origin: https://t.example" in answer

"""Whatever a client sends or leaves out, its connection has an end, and keeps nobody else out."""

import asyncio
import contextlib
import json

import pytest
from fastapi import FastAPI
from starlette.responses import Response

from service_kit.web.connections import BoundedProtocol
from tests.kit.conftest import MakeSettings, serving
from tests.kit.test_bodies import connect, listening, status_of, until

GET = b"GET /api/v1/open HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /api/v1/things HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"

# What is sent again and again: none of it is a request.
NEVER_A_REQUEST = {
    "line ends": (b"\r\n", b"\r\n"),
    "a body that has its answer": (POST + b"Content-Length: 9000000\r\n\r\n", b"x"),
    "nothing": (b"", b""),
}


@pytest.mark.parametrize("what", NEVER_A_REQUEST)
async def test_what_is_no_request_keeps_no_connection(
    make_settings: MakeSettings, what: str
) -> None:
    first, again = NEVER_A_REQUEST[what]
    async with serving(make_settings()) as app, listening(app, keep_alive=1) as port:
        reader, writer = await connect(port)
        writer.write(first)
        async with asyncio.timeout(15):
            while not reader.at_eof():
                with contextlib.suppress(ConnectionError, TimeoutError):
                    writer.write(again)
                    await asyncio.wait_for(reader.read(1000), 0.1)
        await until(lambda: not BoundedProtocol.waiting)


@pytest.mark.parametrize(
    "begun",
    [b"GET /api/v1/open HT", POST + b"Content-Length: 100\r\n\r\n{", CHUNKED + b"1\r\n{\r\n"],
    ids=["half a head", "half a body", "half a chunked body"],
)
async def test_requests_that_are_begun_keep_nobody_out(
    make_settings: MakeSettings, begun: bytes
) -> None:
    async with serving(make_settings(max_connections=20)) as app, listening(app) as port:
        for _ in range(40):
            _, slow = await connect(port)
            slow.write(begun)
        await until(lambda: len(BoundedProtocol.waiting) == 20)
        for _ in range(5):
            reader, writer = await connect(port)
            writer.write(GET)
            assert (await status_of(reader))[0] == 200


async def test_trailers_are_dropped_and_have_an_end(make_settings: MakeSettings) -> None:
    async with serving(make_settings()) as app, listening(app) as port:
        reader, writer = await connect(port)
        writer.write(CHUNKED + b"2\r\n{}\r\n0\r\n" + b"Authorization: Bearer x\r\n" * 20 + b"\r\n")
        assert (await status_of(reader))[0] == 401
        reader, writer = await connect(port)
        writer.write(CHUNKED + b"1\r\n{\r\n0\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                writer.write(b"X-Trailer: " + b"x" * 10_000 + b"\r\n")
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(5):
                await reader.read()
        await until(lambda: reader.at_eof() or reader.exception() is not None)


async def test_a_body_in_small_chunks_is_taken(make_settings: MakeSettings) -> None:
    async with serving(make_settings()) as app, listening(app) as port:
        reader, writer = await connect(port)
        writer.write(
            CHUNKED + b"".join(b"1\r\n \r\n" for _ in range(60_000)) + b"2\r\n{}\r\n0\r\n\r\n"
        )
        assert (await status_of(reader))[0] == 401


async def test_who_reads_slowly_and_goes_on_gets_the_whole_answer(
    make_settings: MakeSettings,
) -> None:
    size = 3_000_000
    async with serving(make_settings(unread_seconds=0.3)) as app:
        app.router.add_route("/long", lambda request: Response(b"x" * size))
        async with listening(app) as port:
            reader, writer = await connect(port, limit=1024)
            writer.write(b"GET /long HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            got = 0
            while chunk := await reader.read(100_000):
                got += len(chunk)
                await asyncio.sleep(0.04)
            assert got > size


@pytest.mark.parametrize(
    "sent",
    [b"FOO / HTTP/1.1\r\n\r\n", POST + b"Content-Length: -1\r\n\r\n", b"GET /" + b"a" * 5_000],
    ids=["no method", "no length", "a head without end"],
)
async def test_what_is_not_http_is_refused_by_a_problem_too(
    make_settings: MakeSettings, sent: bytes
) -> None:
    async with serving(make_settings(max_head_bytes=4_096)) as app, listening(app) as port:
        reader, writer = await connect(port)
        writer.write(sent)
        async with asyncio.timeout(5):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-type: application/problem+json\r\n" in head.lower() + b"\r\n"
    assert f"content-length: {len(body)}".encode() in head.lower()
    problem = json.loads(body)
    assert (problem["type"], problem["status"]) == ("urn:problem:malformed-request", 400)
    assert problem["detail"] and problem["request_id"]


@pytest.mark.parametrize("is_first", [True, False])
async def test_what_is_on_its_way_to_a_drained_process_is_answered(
    make_settings: MakeSettings, is_first: bool
) -> None:
    """The gateway has a connection, and does not know yet that the process ends."""
    async with serving(make_settings()) as app, listening(app) as port:
        reader, writer = await connect(port)
        if not is_first:
            writer.write(GET)
            assert (await status_of(reader))[0] == 200
        await ask_to_end(app, is_drained=True)
        writer.write(GET)
        assert (await status_of(reader))[0] == 200
        assert await reader.read() == b""


@pytest.mark.parametrize("is_drained", [True, False])
async def test_a_connection_without_a_request_ends_soon(
    make_settings: MakeSettings, is_drained: bool
) -> None:
    async with serving(make_settings()) as app, listening(app) as port:
        reader, _ = await connect(port)
        is_closing = await ask_to_end(app, is_drained=is_drained)
        assert is_closing == (not is_drained)
        async with asyncio.timeout(20):
            assert await reader.read() == b""


async def ask_to_end(app: FastAPI, *, is_drained: bool) -> bool:
    """As uvicorn asks each connection when its door is shut; whether that closes it at once."""
    await until(lambda: len(BoundedProtocol.waiting) == 1)
    [connection] = BoundedProtocol.waiting
    app.state.shutdown.has_begun = is_drained
    connection.shutdown()
    return connection.transport.is_closing()

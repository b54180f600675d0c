"""The bench's load generator, against a server that refuses."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from benchmarks import load


def test_the_share_of_the_load_generator_is_measured() -> None:
    measured = load.Measured()
    with measured.timed():
        sum(range(300_000))
    assert 0 < measured.cores <= 1.1


class Busy(BaseHTTPRequestHandler):
    """Asks each client to come again once, and never answers one that asks for ``/never``."""

    protocol_version = "HTTP/1.1"
    refused: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        is_first = self.path not in self.refused
        self.refused.add(self.path)
        self.send_response(503 if is_first or self.path == "/never" else 201)
        self.send_header("Retry-After", "0")
        in_chunks = self.path == "/chunks"
        self.send_header(
            *(("Transfer-Encoding", "chunked") if in_chunks else ("Content-Length", "2"))
        )
        self.end_headers()
        self.wfile.write(b"2\r\n{\n\r\n1;x=y\r\n}\r\n0\r\n\r\n" if in_chunks else b"{}")

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Who gives up closes the connection on which an answer is being written."""


@pytest.fixture
def busy_port() -> Iterator[int]:
    Busy.refused.clear()
    with Server(("127.0.0.1", 0), Busy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_who_is_asked_to_come_again_does_and_gives_up_in_the_end(
    busy_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "PATIENCE_SECONDS", 1)
    paths = [f"/{number}" for number in range(5)] + ["/never"]

    measured = load.all_at_once(busy_port, [load.request("GET", path) for path in paths])

    assert measured.statuses[201] == len(measured.milliseconds) == 5
    assert measured.statuses[503] == len(measured.refusals) > 5
    assert measured.unanswered == 1


def test_connections_are_used_until_there_is_nothing_to_send(busy_port: int) -> None:
    requests = (load.request("GET", "/again") for _ in range(20))

    measured = load.run(busy_port, requests, connections=4, seconds=30)

    assert sum(measured.statuses.values()) == 20
    assert measured.seconds < 30


def test_a_body_in_chunks_is_read_to_its_end(busy_port: int) -> None:
    requests = [load.request("GET", "/chunks")] * 10

    measured = load.run(busy_port, iter(requests), connections=1, seconds=30)

    assert measured.statuses == {503: 1, 201: 9}

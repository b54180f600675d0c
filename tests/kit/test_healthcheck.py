"""The health check that the images have: bash, without curl and without Python."""

import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "service-kit/service_kit/observability/healthcheck.sh"
IN_IMAGE = "/app/service_kit/observability/healthcheck.sh"


class Handler(BaseHTTPRequestHandler):
    released = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/never":
            self.released.wait(30)
        is_well = self.path in ("/health/live", "/well") and self.headers["Host"] == "localhost"
        self.send_response(200 if is_well else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield str(server.server_address[1])
        Handler.released.set()
        server.shutdown()


def check(*arguments: str, **environment: str) -> bool:
    command = ["bash", str(SCRIPT), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=20)
    return done.returncode == 0


def test_a_server_that_answers_200_is_healthy(port: str) -> None:
    assert check(PORT=port)
    assert check(port, "/well")


@pytest.mark.parametrize("path", ["/ill", "/never"])
def test_one_that_answers_something_else_or_nothing_is_not(port: str, path: str) -> None:
    assert not check(port, path)


def test_nobody_there_is_not_healthy() -> None:
    assert not check("1")


def test_image_and_compose_name_this_file() -> None:
    for name in ("deploy/Dockerfile", "docker-compose.yml"):
        named = re.findall(r'"bash", "([^"]+healthcheck[^"]*)"', (ROOT / name).read_text())
        assert named == [IN_IMAGE]

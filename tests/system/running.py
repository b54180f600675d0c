"""The whole system on free ports, beside whatever else runs on this machine: one for a session."""

import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest

from stack.ports import free_port
from stack.services import NOTIFICATION, SERVICES
from stack.stack import Stack


class SentryRecorder:
    """Takes what would go to Sentry."""

    def __init__(self) -> None:
        self.port = free_port()
        self.envelopes: list[bytes] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                encoding = self.headers.get("Content-Encoding", "")
                recorder.envelopes.append(_decoded(body, encoding))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def dsn(self) -> str:
        return f"http://public@127.0.0.1:{self.port}/1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _decoded(body: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(body)
    assert encoding == "", f"no reader for {encoding}"
    return body


@pytest.fixture(scope="session")
def sentry() -> Iterator[SentryRecorder]:
    recorder = SentryRecorder()
    yield recorder
    recorder.close()


@pytest.fixture(scope="session")
def stack(sentry: SentryRecorder) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="parterre-system-") as folder:
        os.chmod(folder, 0o711)
        settings = {
            "SENTRY_DSN": sentry.dsn,
            "RATE_LIMIT_ENABLED": "false",
            "RECONCILE_SECONDS": "2",
        }
        stack = Stack(Path(folder), settings=settings, free_ports=True, durable=False)
        stack.start()
        # As scripts/up does, and Docker: Celery's worker may end when Redis leaves it mid-word.
        ended = Event()
        watch = Thread(target=stack.watch, kwargs={"until": ended}, daemon=True)
        watch.start()
        yield stack
        found = findings_of_doctors(stack)
        ended.set()
        watch.join()
        stack.stop()
        assert not found, found


def findings_of_doctors(stack: Stack) -> str:
    """What is wrong in the databases after all that the tests have done; empty if nothing is."""
    found = []
    for service in SERVICES:
        done = subprocess.run(
            [sys.executable, "-m", f"{service.package}.doctor"],
            env=stack.environments.of(service),
            capture_output=True,
            text=True,
            check=False,
        )
        found += [done.stdout + done.stderr] if done.returncode else []
    return "\n".join(found)


def flower_get(stack: Stack, path: str, **query: Any) -> str:
    environment = stack.environments.of(NOTIFICATION)
    user, _, password = environment["FLOWER_BASIC_AUTH"].partition(":")
    answer = httpx.get(f"{stack.url('flower')}{path}", auth=(user, password), params=query)
    answer.raise_for_status()
    return answer.text


def flower_tasks(stack: Stack) -> str:
    """All that Flower knows of tasks, as text."""
    answer = flower_get(stack, "/tasks/datatable", **{
        "draw": 1, "start": 0, "length": 500, "search[value]": "", "order[0][column]": 0,
        "order[0][dir]": "asc", "columns[0][data]": "name",
    })  # fmt: skip
    return json.dumps(json.loads(answer))

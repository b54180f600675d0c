"""The whole system on free ports, beside whatever else runs on this machine."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest

from stack.ports import free_port
from stack.services import NOTIFICATION, SERVICES
from stack.stack import Stack
from tests.system.browser import Browser, Window
from tests.system.verification import TOKEN, text_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PASSWORD = "correct-horse-7-battery"
Json = dict[str, Any]


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


@dataclass
class Mailbox:
    url: str

    def sources(self, recipient: str) -> list[bytes]:
        """The raw mails to somebody, oldest first."""
        found = httpx.get(
            f"{self.url}/api/v2/search", params={"kind": "to", "query": recipient, "limit": 250}
        ).json()
        return [
            httpx.get(f"{self.url}/api/v1/messages/{message['ID']}/download").content
            for message in reversed(found["items"])
        ]

    def count(self) -> int:
        total: int = httpx.get(f"{self.url}/api/v2/messages?limit=1").json()["total"]
        return total

    def wait_for(self, recipient: str, number: int, *, seconds: float = 20.0) -> list[bytes]:
        mails: list[bytes] = wait_until(
            lambda: found if len(found := self.sources(recipient)) >= number else None,
            seconds=seconds,
            what=f"{number} mails to {recipient}",
        )
        return mails


def wait_until(condition: Callable[[], Any], *, seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def mailbox(stack: Stack) -> Mailbox:
    return Mailbox(stack.url("mailbox"))


class Person:
    """Somebody with an account, over real HTTP."""

    def __init__(self, stack: Stack, mailbox: Mailbox, email: str) -> None:
        self.email = email
        self._stack = stack
        self._mailbox = mailbox
        self.http = httpx.Client(timeout=15)

    def url(self, path: str) -> str:
        first = path.split("/")[1]
        service = {"auth": "auth", "users": "auth", "notifications": "notification"}
        return f"{self._stack.url(service.get(first, 'event'))}/api/v1{path}"

    def send(self, method: str, path: str, expect: int | None = None, **options: Any) -> Any:
        answer = self.http.request(method, self.url(path), **options)
        if expect is not None:
            assert answer.status_code == expect, (method, path, answer.status_code, answer.text)
        return answer

    def register(self, **more: Any) -> None:
        body = {"email": self.email, "password": PASSWORD, "full_name": "Nadia Needle", **more}
        self.send("POST", "/auth/register", 201, json=body)

    def verify(self) -> None:
        (mail,) = self._mailbox.wait_for(self.email, 1)
        token = TOKEN.search(text_of(mail))
        assert token, mail
        self.send("POST", "/auth/verify", 200, json={"token": token[1]})

    def sign_in(self) -> None:
        form = {"username": self.email, "password": PASSWORD}
        answer = self.send("POST", "/auth/login", 200, data=form).json()
        self.token = answer["access_token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    def book(self, event: Json, quantity: int = 1, **headers: str) -> httpx.Response:
        body = {"event_id": event["id"], "quantity": quantity}
        answer: httpx.Response = self.send("POST", "/bookings", json=body, headers=headers)
        return answer


@pytest.fixture(scope="session")
def person(stack: Stack, mailbox: Mailbox) -> Iterator[Callable[..., Person]]:
    made: list[Person] = []

    def make(name: str, *, verified: bool = True, signed_in: bool = True, **more: Any) -> Person:
        someone = Person(stack, mailbox, f"{name}-{len(made)}@example.com")
        made.append(someone)
        someone.register(**more)
        if verified:
            someone.verify()
        if signed_in:
            someone.sign_in()
        return someone

    yield make
    for someone in made:
        someone.http.close()


@pytest.fixture(scope="session")
def organizer(person: Callable[..., Person]) -> Person:
    return person("organizer")


def publish(organizer: Person, **changes: Any) -> Json:
    starts_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    body = {
        "title": "System test",
        "venue": "Town hall",
        "city": "Berlin",
        "timezone": "Europe/Berlin",
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=2)).isoformat(),
        "price": 2500,
        "seating": {"kind": "general", "capacity": 50},
    } | changes
    event = organizer.send("POST", "/events", 201, json=body).json()
    published: Json = organizer.send("POST", f"/events/{event['id']}/publish", 200).json()
    return published


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


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Window]:
    """Fails the test that leaves an error in the browser's console."""
    assert CHROMIUM is not None
    with Browser(CHROMIUM, tmp_path) as program:
        yield program.window
        program.window.evaluate("1")
        assert program.errors == []

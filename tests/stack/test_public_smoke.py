"""``./scripts/smoke``: what it asks a running Parterre from outside, and what it finds wrong."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deployment import public_smoke
from deployment.errors import CommandFailed

Answers = dict[str, tuple[int, bytes]]
GOOD: Answers = {
    "/": (200, b"<!doctype html><html></html>"),
    "/api/v1/events?limit=1": (200, b'{"items": []}'),
    "/.well-known/jwks.json": (200, b'{"keys": []}'),
    "/api/v1/notifications": (401, b'{"type": "about:blank"}'),
    "/metrics": (404, b""),
    "/health/ready": (404, b""),
}


@pytest.fixture
def answers() -> Answers:
    return dict(GOOD)


@pytest.fixture
def base(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[self.path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setattr(public_smoke, "PAUSE_SECONDS", 0.0)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_good_answers_pass(base: str) -> None:
    assert public_smoke.main([base + "/"]) == 0


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/", (502, b"")),
        ("/", (200, b"Welcome to the web server")),
        ("/api/v1/events?limit=1", (500, b"{}")),
        ("/api/v1/events?limit=1", (200, b"<html>")),
        ("/.well-known/jwks.json", (404, b"")),
        ("/api/v1/notifications", (200, b"{}")),
        ("/metrics", (200, b"requests_total 7")),
        ("/health/ready", (200, b"{}")),
    ],
)
def test_wrong_answer_is_named(
    base: str, answers: Answers, path: str, answer: tuple[int, bytes]
) -> None:
    answers[path] = answer

    with pytest.raises(CommandFailed) as failure:
        public_smoke.main([base])

    assert f"{base}{path} answers {answer[0]}" in str(failure.value)


def test_one_wrong_answer_may_be_chance(base: str, answers: Answers) -> None:
    answers["/"] = (502, b"")

    def mend(seconds: float) -> None:
        answers.update(GOOD)

    path, status, is_right, _ = public_smoke.QUESTIONS[0]
    public_smoke.ask_patiently(base, path, status, is_right, pause=mend)


def test_nobody_there_is_named() -> None:
    with pytest.raises(CommandFailed, match="does not answer"):
        public_smoke.ask("http://127.0.0.1:9", "/", 200, bool)

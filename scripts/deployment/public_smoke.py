"""``./scripts/smoke URL``: what a visitor sees of a running Parterre, through its gateway and TLS.

Changes nothing there. The test that books a seat runs on the host, as a part of each deployment.
"""

import argparse
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from deployment.errors import CommandFailed, run_command
from deployment.steps import Steps

TIMEOUT_SECONDS = 10.0
# A deployment has just ended: caches are cold, and the gateway may still look a new container up.
ATTEMPTS = 3
PAUSE_SECONDS = 2.0


def _is_page(body: bytes) -> bool:
    return b"<html" in body.lower()


def _is_object_with(name: str) -> Callable[[bytes], bool]:
    def check(body: bytes) -> bool:
        try:
            return name in json.loads(body)
        except (ValueError, TypeError):
            return False

    return check


def _is_anything(body: bytes) -> bool:
    return True


# Path, status, what the body must be, and whose answer it is.
QUESTIONS: tuple[tuple[str, int, Callable[[bytes], bool], str], ...] = (
    ("/", 200, _is_page, "the page"),
    ("/api/v1/events?limit=1", 200, _is_object_with("items"), "event-service"),
    ("/.well-known/jwks.json", 200, _is_object_with("keys"), "auth-service"),
    ("/api/v1/notifications", 401, _is_object_with("type"), "notification-service"),
    ("/metrics", 404, _is_anything, "the gateway, which keeps metrics inside"),
    ("/health/ready", 404, _is_anything, "the gateway, which keeps health inside"),
)


def fetch(url: str) -> tuple[int, bytes]:
    """Status and body; raises CommandFailed where there is no answer."""
    request = urllib.request.Request(url, headers={"User-Agent": "parterre-smoke"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError as error:
        raise CommandFailed(f"{url} does not answer: {getattr(error, 'reason', error)}") from None


def ask(base: str, path: str, status: int, is_right: Callable[[bytes], bool]) -> None:
    """Raise CommandFailed if the answer is another than it should be."""
    got, body = fetch(base + path)
    if got != status:
        raise CommandFailed(f"{base}{path} answers {got}, it should be {status}")
    if not is_right(body):
        raise CommandFailed(f"{base}{path} answers {got} with something else: {body[:80]!r}")


def ask_patiently(
    base: str,
    path: str,
    status: int,
    is_right: Callable[[bytes], bool],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """``ask``, up to three times; raises the last CommandFailed."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            ask(base, path, status, is_right)
            return
        except CommandFailed:
            if attempt == ATTEMPTS:
                raise
            pause(PAUSE_SECONDS)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/smoke", description="Ask a running Parterre from outside."
    )
    parser.add_argument("url", help="its public address: https://tickets.example.com")
    base = parser.parse_args(arguments).url.rstrip("/")
    steps = Steps()
    for path, status, is_right, who in QUESTIONS:
        ask_patiently(base, path, status, is_right)
        steps(f"{path} is answered by {who}")
    return 0


if __name__ == "__main__":
    run_command("smoke", main)

"""The smoke test finds a system that works, and says what is wrong with one that does not."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import httpx
import pytest

from stack.ports import free_port
from stack.services import AUTH, EVENT
from stack.stack import ROOT, Stack
from tests.system.conftest import Mailbox

Done = subprocess.CompletedProcess[str]
SECONDS = 60.0


def run(environment: dict[str, str], module: str, *arguments: str, text: str = "") -> Done:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**environment, "PYTHONPATH": ":".join(sys.path)},
        cwd=ROOT,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def issue_token(stack: Stack, *email: str) -> str:
    done = run(stack.environments.of(AUTH), "auth_service.cli", "smoke-account", *email)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def smoke(stack: Stack, token: str, *more: str, event: str | None = None) -> Done:
    addresses = {name: stack.url(name) for name in ("auth", "event", "notification")}
    addresses["event"] = event or addresses["event"]
    options = [part for name, url in addresses.items() for part in (f"--{name}", url)]
    environment = stack.environments.of(EVENT)
    return run(environment, "event_service.smoke", *options, "--token-file", "-", *more, text=token)


def last_line(done: Done) -> str:
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout.splitlines()[-1]


@contextmanager
def candidate(stack: Stack, how: str) -> Iterator[str]:
    """The address of an event-service that is broken ``how``; it has had time to start."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.system.broken_candidates", how],
        env={
            **stack.environments.of(EVENT),
            "PORT": str(port),
            "PYTHONPATH": ":".join(sys.path),
        },
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + SECONDS
        while process.poll() is None and not _lives(url):
            assert time.monotonic() < deadline, "the candidate does not start"
            time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()


def _lives(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def token(stack: Stack) -> str:
    """Good for ten minutes, of an account without a mailbox."""
    return issue_token(stack)


def test_a_booking_and_its_mail_are_found_and_nothing_is_left(
    stack: Stack, mailbox: Mailbox
) -> None:
    email = "smoke-mail@example.com"
    token = issue_token(stack, email)
    done = smoke(stack, token, "--mail")
    assert done.returncode == 0, done.stdout + done.stderr
    assert last_line(done).startswith("smoke: passed in ")
    steps = [line.partition("] ")[2] for line in done.stdout.splitlines()[:-1]]
    assert "event: a seat booked and read back" in steps and "mail: sent" in steps
    # One for the booking, one for its cancellation.
    mailbox.wait_for(email, 2)
    own = httpx.Client(
        base_url=f"{stack.url('event')}/api/v1", headers={"Authorization": f"Bearer {token}"}
    )
    with own:
        bookings = own.get("/bookings").json()["items"]
        assert [booking["status"] for booking in bookings] == ["cancelled"]
        (hidden,) = own.get("/events", params={"organizer": "me"}).json()["items"]
        assert hidden["seats_available"] == hidden["capacity"]


def test_a_candidate_is_tried_without_a_mail_and_the_event_is_used_again(
    stack: Stack, mailbox: Mailbox
) -> None:
    token = issue_token(stack, "smoke-again@example.com")
    for _ in range(2):
        done = smoke(stack, token)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "event: a seat held and read back" in done.stdout
    assert mailbox.sources("smoke-again@example.com") == []
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{stack.url('event')}/api/v1/events"
    own = httpx.get(url, params={"organizer": "me"}, headers=headers).json()["items"]
    assert len(own) == 1
    # A process of the release before, which has no hidden events, does not list it either.
    assert datetime.fromisoformat(own[0]["starts_at"]).timestamp() < time.time()


def test_without_an_address_no_mail_is_asked_for(stack: Stack) -> None:
    done = smoke(stack, issue_token(stack), "--mail")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mail: not asked for, since SMOKE_EMAIL is not set" in done.stdout


# Their control is that the same passes above, without the fault.
@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("crash", "smoke: failed: event: GET /health/ready cannot be reached"),
        ("never-ready", "smoke: failed: event: GET /health/ready answered 503"),
        ("booking-500", "smoke: failed: event: POST /api/v1/bookings answered 500: internal-error"),
    ],
)
def test_a_broken_candidate_is_found(stack: Stack, token: str, how: str, says: str) -> None:
    with candidate(stack, how) as url:
        done = smoke(stack, token, event=url)
    assert done.returncode == 1, done.stdout
    assert last_line(done).startswith(says), done.stdout


def test_without_a_token_it_says_how_to_make_one(stack: Stack) -> None:
    done = smoke(stack, "admin: PostgreSQL cannot be reached")
    assert done.returncode == 1
    assert last_line(done).startswith("smoke: failed: there is no token; make one with:")

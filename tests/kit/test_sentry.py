"""What Sentry is told of a fault: where, in which release and for which request; and once."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from service_kit.messaging.celery_app import process_name
from service_kit.sentry import without_personal_data
from tests.conftest import FreshDatabase
from tests.system.faults.processes import PATHS
from tests.system.running import SentryRecorder

NEEDLE = "needle@example.com"
BROKEN = f"""
import sys, structlog
from service_kit.sentry import configure_sentry
from service_kit.settings import ServiceSettings, load_settings

configure_sentry("the-process", load_settings(ServiceSettings))
structlog.contextvars.bind_contextvars(request_id="the-request")
address = "{NEEDLE}"
raise RuntimeError(f"nothing goes to {{address}}")
"""


@pytest.fixture
def recorder() -> Iterator[SentryRecorder]:
    recorder = SentryRecorder()
    yield recorder
    recorder.close()


def container_environment(recorder: SentryRecorder) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, PATHS)),
        "ENVIRONMENT": "test",
        "DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/none",
        "CACHE_REDIS_URL": "redis://127.0.0.1:1/0",
        "BROKER_URL": "redis://127.0.0.1:1/0",
        "PUBLIC_URL": "https://parterre.example",
        "SENTRY_DSN": recorder.dsn,
        "SENTRY_RELEASE": "parterre@1.2.3",
    }


def run(
    recorder: SentryRecorder, *arguments: str, stdin: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=container_environment(recorder) | settings,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def events(recorder: SentryRecorder) -> list[dict[str, Any]]:
    """An envelope is lines of JSON: its head, an item's head, the item."""
    lines = [line for envelope in recorder.envelopes for line in envelope.splitlines()]
    items = [json.loads(line) for line in lines if line]
    return [item for item in items if "exception" in item]


def test_an_event_says_which_process_release_and_request_and_nothing_personal(
    recorder: SentryRecorder,
) -> None:
    done = run(recorder, "-c", BROKEN)
    # The control: the needle is in the error.
    assert done.returncode == 1 and NEEDLE in done.stderr
    [event] = events(recorder)
    assert (event["release"], event["environment"]) == ("parterre@1.2.3", "test")
    assert event["tags"] == {"service": "the-process", "request_id": "the-request"}
    assert event["exception"]["values"][0]["type"] == "RuntimeError"
    assert NEEDLE.encode() not in b"".join(recorder.envelopes)


@pytest.mark.parametrize(
    "dsn",
    [
        "needle",
        "https://needle/4",
        "https://needle@sentry.test/x",
        "https://needle@sentry.test:x/4",
    ],
)
def test_what_is_no_dsn_ends_a_program_with_one_line(recorder: SentryRecorder, dsn: str) -> None:
    settings = {"AUTH_SERVICE_URL": "http://127.0.0.1:1", "SMTP_URL": "smtp://127.0.0.1:1"}
    done = run(recorder, "-m", "notification_service.migrate", SENTRY_DSN=dsn, **settings)
    assert done.returncode == 2
    assert done.stderr.startswith("SENTRY_DSN: is no address such as https://KEY@HOST/NUMBER")
    assert len(done.stderr.splitlines()) == 1
    assert "needle" not in done.stderr


def test_nothing_that_a_client_wrote_into_a_header_is_told() -> None:
    written = f"{NEEDLE} x"
    names = ("X-Request-ID", "User-Agent", "Content-Type", "content-length", "Cookie")
    request: Any = {"method": NEEDLE, "url": NEEDLE, "headers": dict.fromkeys(names, written)}
    assert without_personal_data({"request": request}, {})["request"] == {"method": "(other)"}
    request = {"method": "POST", "headers": {"Content-Length": "12"}}
    told = without_personal_data({"request": request}, {})["request"]
    assert told == {"method": "POST", "headers": {"content-length": "12"}}


def test_which_share_of_the_errors_is_told_is_a_setting(recorder: SentryRecorder) -> None:
    assert run(recorder, "-c", BROKEN, SENTRY_SAMPLE_RATE="0").returncode == 1
    assert events(recorder) == []


async def test_a_migration_that_fails_unexpectedly_is_told(
    recorder: SentryRecorder, fresh_database: FreshDatabase
) -> None:
    url = await fresh_database("notification")
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM alembic_version"))
    await engine.dispose()
    arguments = ("-m", "notification_service.migrate")
    settings = {"AUTH_SERVICE_URL": "http://127.0.0.1:1", "SMTP_URL": "smtp://127.0.0.1:1"}
    done = run(recorder, *arguments, DATABASE_URL=url, **settings)
    assert done.returncode == 1, done.stderr
    [event] = events(recorder)
    assert event["tags"] == {"service": "notification-migrate"}
    # What an operator mends by himself is no fault of the program.
    recorder.envelopes.clear()
    done = run(recorder, *arguments, **settings)
    assert done.stderr.startswith("migrate: PostgreSQL cannot be reached")
    assert events(recorder) == []


REPORT = ("-m", "service_kit.sentry_report")
FAILURE: dict[str, Any] = {
    "command": "backup",
    "version": "1.0",
    "type": "CommandFailed",
    "frames": [{"module": "deployment.backup", "function": "main", "line": 7}],
}


def test_a_failure_of_the_host_is_told_as_its_place_in_the_code(recorder: SentryRecorder) -> None:
    done = run(recorder, *REPORT, stdin=json.dumps(FAILURE))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    [event] = events(recorder)
    assert (event["release"], event["environment"]) == ("parterre@1.0", "test")
    assert event["tags"] == {"service": "scripts", "command": "backup"}
    [error] = event["exception"]["values"]
    assert (error["type"], error["value"]) == ("CommandFailed", "(withheld)")
    [frame] = error["stacktrace"]["frames"]
    assert frame == {
        "module": "deployment.backup", "function": "main", "lineno": 7, "in_app": True
    }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"type": NEEDLE},
        {"type": "x" * 129},
        {"message": NEEDLE},
        {"frames": [FAILURE["frames"][0] | {"function": f"/home/{NEEDLE}"}]},
        {"frames": FAILURE["frames"] * 51},
        {"command": "x" * 70_000},
    ],
    ids=["a sentence", "a long name", "a text", "a path", "many frames", "more than is read"],
)
def test_what_is_more_than_a_place_is_told_to_nobody(
    recorder: SentryRecorder, change: dict[str, Any]
) -> None:
    done = run(recorder, *REPORT, stdin=json.dumps(FAILURE | change))
    assert done.returncode == 1
    assert done.stderr.startswith("standard input is no failure: ")
    assert len(done.stderr.splitlines()) == 1 and NEEDLE not in done.stderr
    assert not recorder.envelopes


def test_who_told_sentry_in_vain_says_so_in_one_line(recorder: SentryRecorder) -> None:
    recorder.close()
    done = run(recorder, *REPORT, stdin=json.dumps(FAILURE))
    assert (done.returncode, done.stderr) == (1, "Sentry did not take it (network)\n")
    done = run(recorder, *REPORT, stdin=json.dumps(FAILURE), SENTRY_DSN="")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_sentry_that_does_not_answer_is_given_up(recorder: SentryRecorder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dsn = f"http://public@127.0.0.1:{silent.getsockname()[1]}/1"
        begin = time.monotonic()
        done = run(recorder, *REPORT, stdin=json.dumps(FAILURE), SENTRY_DSN=dsn)
        seconds = time.monotonic() - begin
    assert (done.returncode, done.stderr) == (1, "Sentry did not take it (network)\n")
    # Less than the host waits.
    assert seconds < 30


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (
            "celery -A notification_service.tasks worker --queues notifications",
            "notification-worker",
        ),
        ("celery -A notification_service.tasks beat", "notification-beat"),
        ("/app/notification_service/flower.py", "notification-flower"),
        ("celery -A notification_service.tasks flower --port=5555", "notification-flower"),
    ],
)
def test_celerys_programs_are_told_apart(command: str, name: str) -> None:
    assert process_name("notification", command.split()) == name

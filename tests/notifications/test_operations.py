"""What operators see, and what they can do."""

import asyncio
import inspect
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from notification_service.cli import examine
from notification_service.flower_settings import configure_flower, read_sign_ins
from notification_service.settings import Settings
from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_message

LONG_AGO = {"wanted_at": "now() - interval '1 hour'"}


async def gauge(client: httpx.AsyncClient, name: str) -> float:
    text = (await client.get("http://test/metrics")).text
    [line] = [line for line in text.splitlines() if line.startswith(f"notifications_{name} ")]
    return float(line.partition(" ")[2])


async def wait_for(
    client: httpx.AsyncClient, name: str, low: float, high: float | None = None
) -> None:
    async with asyncio.timeout(10):
        while not low <= await gauge(client, name) <= (low if high is None else high):
            await asyncio.sleep(0.02)


async def test_a_mail_that_waits_too_long_sends_nobody_away(
    client: httpx.AsyncClient, mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    message = make_message()
    mail_server.answers("DATA", "451 Later")
    await mail_worker.receive(message)
    await mail_worker.change(message, **LONG_AGO)
    ready = await client.get("http://test/health/ready")
    assert ready.status_code == 200
    await wait_for(client, "oldest_unsent_seconds", 3600, 3700)


async def test_gauges_count_what_waits_and_what_failed(
    client: httpx.AsyncClient, mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    mail_server.answers("DATA", "451 Later")
    waiting, failed = make_message(), make_message("surprise")
    await mail_worker.receive(waiting)
    await mail_worker.receive(failed)
    await mail_worker.change(waiting, **LONG_AGO)

    await wait_for(client, "unsent", 1)
    await wait_for(client, "failed", 1)
    await wait_for(client, "queue_length", 0)
    await wait_for(client, "oldest_unsent_seconds", 3600, 3700)


@pytest.fixture
def settings(options: dict[str, Any]) -> Settings:
    return Settings(**options)


async def test_the_cli_finds_nothing_stuck_where_all_is_sent(
    mail_worker: WorkerForTests, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await mail_worker.receive(make_message())
    capsys.readouterr()  # what was logged, if no other test has sent logs elsewhere

    assert await examine(settings, is_retry=False, ids=[]) == 0
    assert capsys.readouterr().out == "Nothing is stuck.\n"


async def test_the_cli_shows_stuck_mails_and_why_and_retries_them(
    mail_worker: WorkerForTests,
    mail_server: MailServerForTests,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused, waiting, malformed, fresh = (make_message() for _ in range(4))
    malformed["user_id"] = None
    await mail_worker.receive(malformed)
    mail_server.answers("DATA", "550 5.7.1 No")
    await mail_worker.receive(refused)
    mail_server.answers("DATA", "451 Later")
    await mail_worker.receive(waiting)
    await mail_worker.receive(fresh)
    await mail_worker.change(waiting, **LONG_AGO)
    capsys.readouterr()

    assert await examine(settings, is_retry=False, ids=[]) == 1
    found = capsys.readouterr().out
    assert "refused the mail for good (550 5.7.1)" in found
    assert "does not take the mail now (451)" in found
    assert "does not say whom it is for. Its sender must send it anew." in found
    assert fresh["id"] not in found

    mail_server.is_well()
    assert await examine(settings, is_retry=True, ids=[]) == 0
    assert "Set going again: 2." in capsys.readouterr().out
    await mail_worker.work_off()
    assert [(await mail_worker.row(m)).status for m in (refused, waiting)] == ["sent", "sent"]


async def test_the_cli_retries_named_mails_but_none_that_is_sent(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, settings: Settings
) -> None:
    sent, failed, other = (make_message() for _ in range(3))
    await mail_worker.receive(sent)
    mail_server.answers("DATA", "550 No")
    await mail_worker.receive(failed)
    await mail_worker.receive(other)

    ids = [UUID(message["id"]) for message in (sent, failed)]
    await examine(settings, is_retry=True, ids=ids)

    statuses = [(await mail_worker.row(m)).status for m in (sent, failed, other)]
    assert statuses == ["sent", "queued", "failed"]


@pytest.mark.parametrize(
    ("environment", "is_refused"),
    [
        ({}, True),
        ({"FLOWER_BASIC_AUTH": ""}, True),
        ({"FLOWER_BASIC_AUTH": "ops"}, True),
        ({"FLOWER_BASIC_AUTH": "ops:of-ones-own"}, False),
        ({"FLOWER_AUTH": ".*@parterre\\.example"}, False),
    ],
)
def test_flower_does_not_start_without_sign_in(
    environment: dict[str, str], is_refused: bool
) -> None:
    if is_refused:
        with pytest.raises(SystemExit, match="FLOWER_BASIC_AUTH"):
            configure_flower(["celery", "flower"], environment)
    else:
        configure_flower(["celery", "flower"], environment)
        assert environment["FLOWER_READ_ONLY"] == "true"
    configure_flower(["celery", "worker"], {})


@pytest.mark.parametrize("password", ["", "development", "secret"])
def test_a_password_that_everybody_knows_is_for_development_only(password: str) -> None:
    known = {"FLOWER_BASIC_AUTH": f"ops:{password}"}
    with pytest.raises(SystemExit, match="FLOWER_BASIC_AUTH"):
        configure_flower(["celery", "flower"], dict(known))
    with pytest.raises(SystemExit, match="FLOWER_BASIC_AUTH"):
        configure_flower(["celery", "flower"], known | {"ENVIRONMENT": "production"})
    configure_flower(["celery", "flower"], known | {"ENVIRONMENT": "development"})


@pytest.mark.parametrize(
    ("variables", "sign_ins"),
    [
        ({"FLOWER_PASSWORD": "of ones: own, x"}, ["ops:of ones: own, x"]),
        ({"FLOWER_PASSWORD": "p", "FLOWER_USER": "me", "FLOWER_BASIC_AUTH": "old:p"}, ["me:p"]),
        ({"FLOWER_USER": "me", "FLOWER_BASIC_AUTH": "old:p,q:r"}, ["old:p", "q:r"]),
    ],
)
def test_flowers_name_and_password_may_be_given_apart(
    variables: dict[str, str], sign_ins: list[str]
) -> None:
    assert read_sign_ins(variables) == sign_ins
    assert not variables


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"FLOWER_PASSWORD": "changeme"}, "FLOWER_PASSWORD: .* everybody knows"),
        ({"FLOWER_PASSWORD": "größer-als-andere"}, "FLOWER_PASSWORD: .* ASCII"),
        ({"FLOWER_PASSWORD": "of-ones-own", "FLOWER_USER": "a:b"}, "FLOWER_USER: .* colon"),
    ],
)
def test_a_sign_in_that_flower_could_not_check_is_refused(
    variables: dict[str, str], reason: str
) -> None:
    with pytest.raises(SystemExit, match=reason):
        read_sign_ins(variables)


def test_flowers_password_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "auth").write_text("ops:of-ones-own\n")
    environment = {"FLOWER_BASIC_AUTH_FILE": str(tmp_path / "auth")}

    configure_flower(["celery", "flower"], environment)

    assert environment["FLOWER_BASIC_AUTH"] == "ops:of-ones-own"
    assert "FLOWER_BASIC_AUTH_FILE" not in environment


def test_flower_shows_what_a_task_is_about_and_how_old_it_is() -> None:
    environment = {"FLOWER_BASIC_AUTH": "ops:of-ones-own"}
    configure_flower(["celery", "flower"], environment)
    columns = environment["FLOWER_TASKS_COLUMNS"].split(",")
    assert {"name", "args", "state", "received", "uuid"} <= set(columns)
    # Its text has any length, and nothing that stands behind it is seen without scrolling.
    assert columns[-1] == "args"
    assert environment["FLOWER_NATURAL_TIME"] == "true"

    chosen = {"FLOWER_TASKS_COLUMNS": "name", "FLOWER_NATURAL_TIME": "false"}
    environment |= chosen
    configure_flower(["celery", "flower"], environment)
    assert environment.items() >= chosen.items()


async def test_tasks_are_functions_that_run(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Celery takes a coroutine function for a task, reports success and never runs it."""
    monkeypatch.setenv("DATABASE_URL", "postgresql+asyncpg://nobody@localhost/none")
    for name in ("CACHE_REDIS_URL", "BROKER_URL"):
        monkeypatch.setenv(name, "redis://localhost:1/0")
    monkeypatch.setenv("ENVIRONMENT", "development")
    monkeypatch.setenv("SMTP_URL", "smtp://localhost")
    monkeypatch.setenv("MAIL_FROM", "Parterre <tickets@parterre.example>")
    from notification_service import tasks

    ours = {name: task for name, task in tasks.app.tasks.items() if "notifications." in name}
    assert set(ours) == {
        f"notifications.{name}"
        for name in (
            "send", "send_many", "deliver", "erase_user", "address_confirmed", "sweep", "tidy"
        )
    }  # fmt: skip
    assert not any(inspect.iscoroutinefunction(task.run) for task in ours.values())
    assert tasks.app.conf.task_ignore_result
    assert tasks.app.conf.task_acks_late
    assert tasks.app.conf.task_reject_on_worker_lost

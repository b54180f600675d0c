"""A script of the host that fails tells Sentry so, once, and not what the error says."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployment.errors import CommandFailed, run_command
from stack.stack import ROOT
from tests.kit.test_sentry import container_environment, events
from tests.system.running import SentryRecorder

PROGRAM = ROOT / "tests" / "stack" / "docker_program.py"
SECRET = "s3cret-of-the-host"
NEEDLES = ("guest@example.com", "203.0.113.7", SECRET, "/home/maria", "eyJhbGciOi.token")
TROUBLE = f"no row {' '.join(NEEDLES)}"
LAST_LINE = f"backup: docker ps failed with exit code 1:\n  {TROUBLE}\n"


class Host:
    """A folder as on a host, and a ``docker`` that finds no PostgreSQL."""

    def __init__(self, folder: Path, recorder: SentryRecorder) -> None:
        self.home, self._programs = folder / "parterre", folder / "programs"
        release = self.home / "releases" / "1.0"
        release.mkdir(parents=True)
        (release / "docker-compose.yml").write_text("services: {}\n")
        (self.home / "secrets").mkdir()
        (self.home / "secrets" / "postgres_password").write_text(SECRET)
        self.dsn = self.home / "secrets" / "sentry_dsn"
        self.dsn.write_text(recorder.dsn + "\n")
        self._programs.mkdir()
        program = self._programs / "docker"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {PROGRAM} "$@"\n')
        program.chmod(0o755)
        self.container: dict[str, Any] = {
            "environment": container_environment(recorder) | {"SENTRY_DSN_FILE": str(self.dsn)},
            "is_worker_running": True,
            "images": ["parterre/notification-service:1.0"],
            "hangs": False,
            "is_postgres_running": False,
            "trouble": TROUBLE,
        }

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        (self._programs / "container.json").write_text(json.dumps(self.container))
        environment = {
            "PATH": f"{self._programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "scripts"),
            "PARTERRE_HOME": str(self.home),
            "DOCKER_PROGRAM": str(self._programs),
        }
        return subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120
        )

    @property
    def way(self) -> str:
        """How the container was reached, empty if it was not."""
        file = self._programs / "told"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def recorder() -> Iterator[SentryRecorder]:
    recorder = SentryRecorder()
    yield recorder
    recorder.close()


@pytest.fixture
def host(tmp_path: Path, recorder: SentryRecorder) -> Host:
    return Host(tmp_path, recorder)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["scripts/backup"], "backup"),
        (["scripts/restore", "latest", "--into-scratch"], "restore"),
        (["scripts/doctor"], "doctor"),
        (["scripts/deploy", "1.0"], "deploy"),
        (["scripts/rollback"], "rollback"),
        (["scripts/secrets", "--apply", "auth_database_password"], "secrets"),
        ([sys.executable, "-m", "deployment.roll", "1.0"], "deploy"),
        ([sys.executable, "-m", "deployment.roll", "1.0", "--rollback"], "rollback"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_script_that_fails_is_told_once_without_its_text(
    host: Host, recorder: SentryRecorder, command: list[str], name: str
) -> None:
    done = host.run(*command)
    assert done.returncode == 1, done.stderr
    [event] = events(recorder)
    assert event["tags"] == {"service": "scripts", "command": name}
    assert (event["release"], event["environment"]) == ("parterre@1.0", "test")
    [error] = event["exception"]["values"]
    assert error["type"] == "CommandFailed"
    assert error["stacktrace"]["frames"][-1]["module"].startswith("deployment.")
    sent = b"".join(recorder.envelopes).decode()
    assert not [needle for needle in (*NEEDLES, str(host.home)) if needle in sent]
    assert "Sentry" not in done.stdout + done.stderr


def test_a_crash_keeps_its_traceback_and_is_told(host: Host, recorder: SentryRecorder) -> None:
    host.container["is_postgres_running"] = True
    # Where a folder has to be.
    (host.home / "var").write_text("")
    done = host.run("scripts/backup")
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and "Traceback" in done.stderr
    [event] = events(recorder)
    [error] = event["exception"]["values"]
    assert last.startswith(error["type"])
    assert error["value"] == "(withheld)"


def test_what_the_doctors_have_found_is_told(host: Host, recorder: SentryRecorder) -> None:
    host.container["is_postgres_running"] = True
    done = host.run("scripts/doctor")
    assert done.returncode == 1, done.stderr
    [event] = events(recorder)
    assert event["tags"]["command"] == "doctor"
    assert event["exception"]["values"][0]["type"] == "SomethingIsLeft"


def test_while_no_worker_runs_another_container_tells(host: Host, recorder: SentryRecorder) -> None:
    host.container["is_worker_running"] = False
    assert host.run("scripts/backup").returncode == 1
    assert host.way == "run"
    assert len(events(recorder)) == 1


@pytest.mark.parametrize("text", ["", "\n", None], ids=["empty", "a line break", "no file"])
def test_without_a_dsn_nothing_is_said_or_started(
    host: Host, recorder: SentryRecorder, text: str | None
) -> None:
    host.dsn.unlink() if text is None else host.dsn.write_text(text)
    done = host.run("scripts/backup")
    assert (done.returncode, done.stderr) == (1, LAST_LINE)
    assert not host.way and not recorder.envelopes


def test_help_a_wrong_option_and_what_succeeds_are_told_to_nobody(host: Host) -> None:
    codes = [host.run("scripts/backup", one).returncode for one in ("--help", "--nonsense")]
    assert codes == [0, 2]
    assert host.run("scripts/secrets", "--list").returncode == 0
    assert not host.way


def test_where_sentry_cannot_be_told_a_line_says_so_and_the_scripts_own_is_the_last(
    host: Host, recorder: SentryRecorder
) -> None:
    recorder.close()
    done = host.run("scripts/backup")
    assert done.returncode == 1
    line = "backup: Sentry is not told: docker exec failed with exit code 1: Sentry did not take it"
    assert done.stderr == f"{line} (network)\n{LAST_LINE}"


def test_without_its_image_nothing_is_built(host: Host) -> None:
    host.container |= {"is_worker_running": False, "images": []}
    done = host.run("scripts/backup")
    assert not host.way
    [line, *rest] = done.stderr.splitlines(keepends=True)
    assert line.startswith("backup: Sentry is not told: docker image failed with exit code 1")
    assert "".join(rest) == LAST_LINE


def test_who_waits_for_sentry_waits_for_a_limited_time(host: Host) -> None:
    host.container["hangs"] = True
    begin = time.monotonic()
    done = host.run(
        sys.executable, "-c",
        "from deployment import backup, errors, sentry\n"
        "sentry.SECONDS = 1\n"
        "errors.run_command('backup', lambda: backup.server_of(backup.Engine("
        "backup.find_layout())) and None, tell=sentry.tell_sentry)",
    )  # fmt: skip
    assert time.monotonic() - begin < 20
    assert done.returncode == 1
    line = "backup: Sentry is not told: docker exec took more than 1 s\n"
    assert done.stderr == line + LAST_LINE


def test_ctrl_c_ends_the_telling_and_not_what_follows() -> None:
    def main() -> None:
        raise CommandFailed("the reason")

    def tell(name: str, error: BaseException) -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        run_command("backup", main, tell=tell)
    assert ended.value.code == "backup: the reason"

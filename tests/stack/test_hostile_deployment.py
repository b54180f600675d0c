"""What an operator's command makes of names and files that somebody else chose."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from deployment import deploy, probe
from deployment.errors import CommandFailed
from deployment.host import Host, HostState
from deployment.steps import Steps
from deployment.transfer import release_archive, send_release
from tests.kit.test_secrets import NASTY

ROOT = Path(__file__).resolve().parents[2]
QUIET = Steps(lambda _: None)
HOSTILE = "r.example/x; touch /tmp/owned #"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--registry", HOSTILE, "host", "1.0"], "no registry"),
        (["--registry", "-x", "host", "1.0"], "expected one argument"),
        (["host", "$(id)"], "no version"),
        (["host", "../x"], "no version"),
        (["host", "-x"], "unrecognized"),
    ],
)
def test_a_name_that_a_shell_would_run_is_refused(
    arguments: list[str],
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["deploy", *arguments])
    with pytest.raises((CommandFailed, SystemExit)) as refused:
        deploy.parse()
    assert what in f"{refused.value} {capsys.readouterr().err}"


def test_a_registry_is_one_word_of_the_hosts_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the check of the name lets pass."""
    monkeypatch.setattr("sys.argv", ["deploy", "--registry", "r.example", "host", "1.0"])
    options = deploy.parse()
    options.registry = HOSTILE
    scripts: list[str] = []

    class Recorder(Host):
        def run(self, script: str, *, seconds: float, stdin: bytes | None = None) -> str:
            scripts.append(script)
            return ""

    state = HostState("/home/x/parterre", True, "", {}, 1 << 40)
    monkeypatch.setattr(deploy, "release_archive", lambda root, version: b"")
    deploy.send(Recorder("host"), state, options, QUIET)
    words = shlex.split(scripts[0], comments=True)
    assert words[3] == f"{HOSTILE}/parterre/auth-service:1.0"


def test_the_first_start_of_postgresql_shows_no_password_in_the_list_of_processes(
    tmp_path: Path,
) -> None:
    psql, record = tmp_path / "psql", tmp_path / "record"
    psql.write_text(
        f'#!/bin/sh\n{{ printf "%s\\n" "$@"; cat; env | grep ^PARTERRE_; }} >>{record}\n'
    )
    psql.chmod(0o755)
    passwords = {
        f"{name}_DATABASE_PASSWORD": f"{name}{NASTY}" for name in ("AUTH", "EVENT", "NOTIFICATION")
    }
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "POSTGRES_USER": "postgres",
        **passwords,
    }
    subprocess.run(["sh", str(ROOT / "deploy/postgres/init.sh")], env=environment, check=True)
    shown = [
        line
        for line in record.read_text().splitlines()
        if any(p in line for p in passwords.values())
    ]
    assert shown == [f"PARTERRE_PASSWORD={password}" for password in passwords.values()]


@pytest.mark.parametrize("umask", ["077", "002"])
def test_a_release_can_be_read_by_containers_and_by_nobody_else_on_the_machine(
    tmp_path: Path, umask: str
) -> None:
    """Whatever the operator's umask is: init.sh is read by a user of PostgreSQL's image."""

    class Shell(Host):
        def command(self, script: str) -> list[str]:
            return ["sh", "-c", f"umask {umask}; {script}"]

    programs = tmp_path / "docker"
    programs.write_text("#!/bin/sh\n")
    programs.chmod(0o755)
    home = tmp_path / "parterre"
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(
        [sys.executable, probe.__file__, str(home)],
        env=environment, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    root = tmp_path / "root"
    (root / "deploy").mkdir(parents=True)
    (root / "deploy/init.sh").write_text("")
    (root / "deploy/init.sh").chmod(0o755)
    send_release(Shell(), str(home), "1.0", release_archive(root, "no-such-version"))
    assert home.stat().st_mode & 0o777 == 0o700
    sent = home / "releases/1.0/deploy/init.sh"
    assert [one.stat().st_mode & 0o777 for one in (sent, sent.parent)] == [0o755, 0o755]

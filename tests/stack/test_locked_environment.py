"""A tool's environment is made once, and anew when its lock or the Python has changed."""

import sys
import threading
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployment import audit, kubernetes, locked_environment
from deployment.errors import CommandFailed
from deployment.locked_environment import make_environment
from stack import load


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands of pip, which are not run."""
    commands: list[list[str]] = []

    def create(folder: Path, **_: Any) -> None:
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        (folder / "bin" / "python").touch()

    def run(command: list[str], **_: Any) -> str:
        commands.append(command)
        return ""

    monkeypatch.setattr(venv, "create", create)
    monkeypatch.setattr(locked_environment, "run", run)
    return commands


def test_it_is_made_anew_when_its_lock_or_the_python_has_changed(
    installed: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, folder = tmp_path / "lock", tmp_path / "venv"
    lock.write_text("a==1\n")
    changes: list[Callable[[], object]] = [
        lambda: None,
        lambda: lock.write_text("a==2\n"),
        lambda: monkeypatch.setattr(sys, "version_info", (3, 99, 0)),
        lambda: (folder / "bin" / "python").unlink(),
    ]
    for number, change in enumerate(changes, start=1):
        change()
        for _ in range(2):
            assert make_environment(folder, lock, seconds=1) == folder / "bin"
            assert len(installed) == number
    assert all("--require-hashes" in command for command in installed)


def test_what_pip_could_not_install_is_tried_again(
    installed: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "lock"
    lock.write_text("a==1\n")

    def fail(command: list[str], **_: Any) -> str:
        raise CommandFailed("pip failed:\n  no such package")

    with monkeypatch.context() as patched:
        patched.setattr(locked_environment, "run", fail)
        with pytest.raises(CommandFailed, match="no such package"):
            make_environment(tmp_path / "venv", lock, seconds=1)
    make_environment(tmp_path / "venv", lock, seconds=1)
    assert len(installed) == 1


def test_the_three_tools_have_theirs_by_it(
    installed: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "ENVIRONMENT", tmp_path / "audit")
    monkeypatch.setattr(kubernetes, "ENVIRONMENT", tmp_path / "k8s")
    assert audit.install() == tmp_path / "audit/bin/pip-audit"
    assert kubernetes.install() == tmp_path / "k8s/bin"
    assert load.locust(tmp_path / "load") == tmp_path / "load/bin/locust"
    assert [command[-1] for command in installed] == [
        str(lock) for lock in (audit.OWN_LOCK, kubernetes.LOCK, load.LOCK)
    ]


def test_of_two_first_calls_at_once_one_waits_for_the_other(
    installed: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, folder = tmp_path / "lock", tmp_path / "venv"
    lock.write_text("a==1\n")

    def run_slowly(command: list[str], **_: Any) -> str:
        time.sleep(0.5)
        installed.append(command)
        return ""

    monkeypatch.setattr(locked_environment, "run", run_slowly)
    calls = [
        threading.Thread(target=lambda: make_environment(folder, lock, seconds=1)) for _ in range(2)
    ]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert len(installed) == 1

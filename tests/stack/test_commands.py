"""What all commands below ``scripts/`` have in common."""

import os
import subprocess
from pathlib import Path

import pytest

from stack.stack import ROOT

# Their arguments are those of pytest, Compose or a service.
PASS_ON = {"test", "faults", "migrations-check", "compose", "admin"}
# They load much before they look at their arguments; test_up.py and test_bench.py start them.
SLOW = {"bench", "down", "schema-check", "status", "up"}
# So are options that they do not know themselves.
PASS_ON_OPTIONS = {"audit", "ci-test", "drill", "lock"}
COMMANDS = sorted(
    file.name
    for file in (ROOT / "scripts").iterdir()
    if file.is_file() and os.access(file, os.X_OK) and file.name not in PASS_ON | SLOW
)


def run(name: str, argument: str, home: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [ROOT / "scripts" / name, argument],
        env=os.environ | {"PARTERRE_HOME": str(home), "PARTERRE_VAR": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself_and_does_nothing(name: str, tmp_path: Path) -> None:
    done = run(name, "--help", tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) > 40 and not done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in PASS_ON_OPTIONS])
def test_an_option_that_a_command_does_not_know_is_refused(name: str, tmp_path: Path) -> None:
    done = run(name, "--nonsense", tmp_path)
    assert done.returncode == 2
    assert "usage:" in done.stderr or "--help says what there is" in done.stderr
    assert not list(tmp_path.iterdir())

"""How an operator's command ends, and what it says then: no more than is so."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployment import background, roll
from deployment.errors import CommandFailed
from deployment.layout import Layout
from deployment.lock import read_holder, work_of
from deployment.record import Record
from deployment.steps import Steps

VERSION = "1.1"


@contextmanager
def somebody_at_work(layout: Layout, work: str) -> Iterator[Path]:
    """The log of a process that holds the lock until the block's end, gives it back, and only then says
    how it ended."""
    log = layout.var / "one.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("[   0s] it begins\n")
    code = (
        "import pathlib, sys, time\n"
        "from deployment.layout import Layout\n"
        "from deployment.lock import hold_lock\n"
        "home, work, log = sys.argv[1:]\n"
        f"with hold_lock(Layout(pathlib.Path(home)), work, version={VERSION!r}, log=log):\n"
        "    print(flush=True)\n"
        "    sys.stdin.read()\n"
        "time.sleep(1)\n"
        "pathlib.Path(log).with_suffix('.exit').write_text('1\\n')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(layout.home), work, str(log)],
        env={"PYTHONPATH": str(Path(background.__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        assert read_holder(layout)["work"] == work
        yield log
        process.stdin.close()
        process.wait()


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setenv("PARTERRE_HOME", str(tmp_path))
    return Layout(tmp_path)


@pytest.mark.parametrize("is_rollback", [False, True])
def test_nobody_who_goes_back_is_told_that_a_deployment_has_succeeded(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, is_rollback: bool
) -> None:
    """Nor the other way round: what is under way is not what was asked for."""
    arguments = [VERSION] if is_rollback else [VERSION, "--rollback"]
    monkeypatch.setattr("sys.argv", ["background", *arguments])
    work = work_of(VERSION, is_rollback=is_rollback)
    with somebody_at_work(layout, work):
        with pytest.raises(CommandFailed, match=f"{work} is under way here .*; wait for its end"):
            background.main()


def test_who_follows_a_deployment_learns_how_it_ended(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives the lock back before it has said so."""
    monkeypatch.setattr("sys.argv", ["background", VERSION])
    with ThreadPoolExecutor(1) as beside:
        with somebody_at_work(layout, work_of(VERSION, is_rollback=False)):
            ended = beside.submit(background.main)
            time.sleep(1)
        assert ended.result() == 1


@pytest.mark.parametrize(
    ("version", "is_rollback", "said"),
    [
        ("1.0", False, "deploy: 1.0 is in use as before, but this failed: no backup"),
        (VERSION, False, f"deploy: {VERSION} is not in use: no backup"),
        (VERSION, True, f"rollback: {VERSION} is not in use: no backup"),
    ],
)
def test_a_version_that_is_in_use_is_not_said_to_be_none(
    layout: Layout, version: str, is_rollback: bool, said: str
) -> None:
    (layout.releases / "1.0").mkdir(parents=True)
    Record(layout).use("1.0")
    options = argparse.Namespace(version=version, rollback=is_rollback)
    assert roll.last_line(options, CommandFailed("no backup")) == said


def test_a_step_is_no_error_because_nobody_reads_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        os.write(writer, b"x")
    output = os.fdopen(writer, "w")
    monkeypatch.setattr("sys.stdout", output)
    Steps()("putting back what was in use before")
    monkeypatch.undo()
    with pytest.raises(BrokenPipeError):
        output.close()

"""``./scripts/up`` and what is asked of the stack afterwards, whatever it was started with."""

import contextlib
import itertools
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from stack.ports import free_port
from stack.records import end_tagged, find_recorded
from stack.stack import CHOSEN_PORTS
from tests.stack.small_stack import SLOW

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    flags
    for number in range(4)
    for flags in itertools.combinations(("-d", "--fresh", "--empty"), number)
]
WAIT_SECONDS = 60.0


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} does not come about"
        time.sleep(0.02)


class Scripts:
    """The scripts of a copy with a ``var`` and ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.var = folder / "a var" / "var"
        self.slow = self.var.parent / SLOW
        self.var.parent.mkdir()
        ports: dict[str, str] = {}
        for _, variable in CHOSEN_PORTS.values():
            ports[variable] = str(free_port(besides=[int(port) for port in ports.values()]))
        self.environment = {
            **os.environ,
            **ports,
            "PARTERRE_VAR": str(self.var),
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "scripts", ROOT))),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.stack.small_stack", *arguments],
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=WAIT_SECONDS)
        return process.returncode, output

    @property
    def supervisor(self) -> psutil.Process | None:
        return find_recorded(self.var / "run" / "supervisor.json")

    @property
    def is_ready(self) -> bool:
        return (self.var / "run" / "ready").exists()

    def pids(self) -> dict[str, int]:
        """Of what is on record, the supervisor too."""
        found = {}
        for file in (self.var / "run").glob("*.json"):
            process = find_recorded(file)
            if process is not None:
                found[file.stem] = process.pid
        return found

    def up(self, *flags: str) -> subprocess.Popen[str] | None:
        """Returns when it is ready; the process, if it stays in the foreground."""
        if "-d" in flags:
            code, output = self.run("up", *flags)
            assert code == 0, output
            return None
        process = self.start("up", *flags)
        until(lambda: self.is_ready or process.poll() is not None, "a start")
        assert process.poll() is None, process.communicate()[0]
        return process

    def check_starts_of_data(self, number: int) -> None:
        """How often the server has been started with the data that is there."""
        file = self.var / "postgres" / "data"
        until(lambda: file.exists() and len(file.read_text().splitlines()) == number, "a server")


def ended(pids: dict[str, int]) -> bool:
    def gone(pid: int) -> bool:
        try:
            return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return True

    return all(map(gone, pids.values()))


@pytest.fixture
def scripts(tmp_path: Path) -> Iterator[Scripts]:
    scripts = Scripts(tmp_path)
    yield scripts
    scripts.slow.unlink(missing_ok=True)
    supervisor = scripts.supervisor
    if supervisor is not None:
        with contextlib.suppress(psutil.Error):
            supervisor.kill()
    end_tagged(scripts.var)


def check_running(scripts: Scripts) -> dict[str, int]:
    """All questions are answered as a running stack answers them; its processes."""
    pids = scripts.pids()
    assert pids.keys() == {"supervisor", "postgres", "auth"}
    code, output = scripts.run("status")
    assert code == 0, output
    assert f"{pids['postgres']}  running" in output
    assert scripts.run("admin", "promote", "a@b.example") == (0, "admin promote a@b.example\n")
    code, output = scripts.run("up", "-d")
    assert (code, "running already" in output) == (0, True), output
    assert scripts.pids() == pids, "a second start changes nothing"
    return pids


def check_down(scripts: Scripts, pids: dict[str, int]) -> None:
    assert scripts.run("down") == (0, "Stopping ...\nStopped.\n")
    until(lambda: ended(pids), "an end of all")
    assert scripts.pids() == {}, "nobody brings them back"
    code, output = scripts.run("status")
    assert (code, output.startswith("Parterre is not running")) == (1, True)


@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: " ".join(flags) or "none")
def test_after_any_start_the_stack_is_found_stopped_and_started_again(
    scripts: Scripts, flags: tuple[str, ...]
) -> None:
    # An earlier run has left its data.
    (scripts.var / "postgres").mkdir(parents=True)
    (scripts.var / "postgres" / "data").write_text("started\n")

    process = scripts.up(*flags)
    scripts.check_starts_of_data(1 if "--fresh" in flags else 2)
    check_down(scripts, check_running(scripts))
    if process is not None:
        assert process.communicate(timeout=WAIT_SECONDS) and process.returncode == 0

    scripts.up("-d", *flags)
    assert scripts.run("status")[0] == 0


def test_a_start_that_cannot_forget_says_so(scripts: Scripts) -> None:
    scripts.up("-d")
    code, output = scripts.run("up", "-d", "--fresh")
    assert code == 0
    assert "Nothing was changed: --fresh" in output
    scripts.check_starts_of_data(1)


def test_a_start_beside_one_that_is_under_way_waits_for_it(scripts: Scripts) -> None:
    scripts.slow.parent.mkdir(exist_ok=True)
    scripts.slow.touch()
    first = scripts.start("up", "-d")
    until(lambda: "slow" in scripts.pids(), "a slow start")
    second = scripts.start("up", "-d")
    assert second.stdout is not None
    assert second.stdout.readline() == "Another ./scripts/up is starting it; waiting ...\n"
    assert scripts.run("down")[0] == 0
    assert first.wait(WAIT_SECONDS) != 0
    assert second.wait(WAIT_SECONDS) == 1
    first.communicate()
    second.communicate()
    assert scripts.pids() == {}


@pytest.mark.parametrize("flags", [(), ("--fresh",)], ids=["kept", "fresh"])
def test_after_a_supervisor_was_killed_a_start_begins_anew(
    scripts: Scripts, flags: tuple[str, ...]
) -> None:
    scripts.up("-d")
    left = scripts.pids()
    os.kill(left.pop("supervisor"), signal.SIGKILL)
    until(lambda: scripts.supervisor is None, "an end of the supervisor")
    code, output = scripts.run("status")
    assert (code, "2 processes of an earlier run are left" in output) == (1, True), output

    scripts.up("-d", *flags)

    assert ended(left)
    check_down(scripts, check_running(scripts))


def test_what_a_killed_supervisor_left_is_ended_by_down(scripts: Scripts) -> None:
    scripts.up("-d")
    left = scripts.pids()
    os.kill(left.pop("supervisor"), signal.SIGKILL)
    until(lambda: scripts.supervisor is None, "an end of the supervisor")
    code, output = scripts.run("admin", "promote", "a@b.example")
    assert (code, "is not running" in output) == (1, True)
    assert scripts.run("down") == (0, "Stopped 2 processes that were left behind.\n")
    assert ended(left)
    assert scripts.run("down") == (0, "Nothing is running.\n")


@pytest.mark.parametrize("flags", [(), ("-d",), ("-d", "--fresh")], ids=lambda f: " ".join(f))
def test_a_start_that_is_interrupted_leaves_nothing(
    scripts: Scripts, flags: tuple[str, ...]
) -> None:
    scripts.slow.touch()
    process = scripts.start("up", *flags)
    until(lambda: "slow" in scripts.pids(), "a slow start")
    pids = scripts.pids()
    # As a terminal does it: to the whole group.
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(WAIT_SECONDS) == 130
    until(lambda: ended(pids), "an end of all")
    assert scripts.run("down") == (0, "Nothing is running.\n")
    process.communicate()

    scripts.slow.unlink()
    scripts.up("-d")
    check_down(scripts, check_running(scripts))


def test_nobody_else_may_read_what_a_start_writes(scripts: Scripts) -> None:
    scripts.var.mkdir()
    for name in ("log", "run"):
        (scripts.var / name).mkdir(mode=0o755)
    for name in ("log/up.log", "log/old.log", "secrets.old"):
        (scripts.var / name).touch(mode=0o644)
        (scripts.var / name).chmod(0o644)
    old = os.umask(0)
    try:
        scripts.up("-d")
    finally:
        os.umask(old)

    open_to_others = [
        str(path.relative_to(scripts.var))
        for path in [scripts.var, *scripts.var.rglob("*")]
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    assert open_to_others == []
    secrets = json.loads((scripts.var / "secrets.json").read_text()).values()
    assert secrets
    for log in (scripts.var / "log").iterdir():
        assert not [secret for secret in secrets if secret in log.read_text()], log
    code, output = scripts.run("up", "-d")
    assert any(secret in output for secret in secrets), "a person is told Flower's password"

"""``./scripts/load`` before and after Locust: where the load goes, and which report is this run's."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stack import load
from stack.errors import StackError
from stack.ports import free_port
from stack.stack import ROOT
from tests.load.target import Account, NotPrepared, Target

SLOW_TO_END = """
import signal, sys, time
def end(*_):
    time.sleep(1)
    print("judged", flush=True)
    sys.exit(3)
signal.signal(signal.SIGINT, end)
print("runs", flush=True)
time.sleep(60)
"""
CALLER = """
import os, signal, sys
from stack import load
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(load.run([sys.executable, "-c", sys.argv[1]], dict(os.environ)))
"""


def test_an_address_may_end_in_a_slash() -> None:
    options = load.parse(["http://127.0.0.1:8002/"])
    command = load.command(options, Path("locust"))
    assert command[command.index("--host") + 1] == "http://127.0.0.1:8002"


def test_a_report_lies_where_its_caller_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = load.parse(["--report", "mine.html"])
    command = load.command(options, Path("locust"))
    assert command[command.index("--html") + 1] == str(tmp_path / "mine.html")


def test_an_older_report_is_not_taken_for_that_of_a_run_that_made_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(load, "locust", lambda _: Path("false"))
    report = tmp_path / "load.html"
    report.write_text("of yesterday")
    assert load.main(["--report", str(report)]) == 1
    assert "Report" not in capfd.readouterr().out
    assert not report.exists()


def test_a_place_where_no_report_can_be_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "locust", lambda _: pytest.fail("it has begun"))
    with pytest.raises(StackError, match="no report can be written to"):
        load.main(["--report", str(tmp_path)])


def test_at_ctrl_c_locust_may_end_and_judge() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CALLER, SLOW_TO_END],
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as caller:
        assert caller.stdout is not None
        assert caller.stdout.readline() == "runs\n"
        os.killpg(caller.pid, signal.SIGINT)
        said, errors = caller.communicate(timeout=30)
    assert (said, errors, caller.returncode) == ("judged\n", "", 3)


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setattr(Target, "_find_auth", lambda self: self.address)
    return Target(f"http://127.0.0.1:{free_port()}/")


def test_who_does_not_answer_is_told_in_one_line(target: Target) -> None:
    with pytest.raises(NotPrepared, match=r"/availability does not answer \(ConnectionError\)"):
        target.ask("GET", f"{target.address}/availability", 200)


def test_a_token_that_has_ended_is_renewed_once_for_all_who_used_it(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in: list[Any] = []

    def answer(*_: Any, data: Any) -> dict[str, str]:
        signed_in.append(data["username"])
        return {"access_token": f"token-{len(signed_in)}"}

    monkeypatch.setattr(target, "ask", answer)
    account = Account("guest@example.com", "old")
    for _ in range(3):
        target.renew(account, "old")
    assert (account.token, signed_in) == ("token-1", ["guest@example.com"])

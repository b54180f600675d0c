"""``./scripts/load`` before and after Locust: where the load goes, and which report is this run's."""

from pathlib import Path

import pytest

from stack import load
from stack.errors import StackError


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

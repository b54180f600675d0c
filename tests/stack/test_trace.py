"""``./scripts/trace``: which lines belong to a request, and what it says of them."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deployment.engine import Engine
from deployment.errors import CommandFailed
from deployment.layout import Layout
from deployment.trace import find_lines, trace
from deployment.trace_words import describe

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
OWN = "0198c0de-0000-7000-8000-000000000001"
GATEWAY = {
    "level": "info", "ts": "2026-11-26T17:00:00.123456789Z", "msg": "handled request",
    "request": {"method": "POST", "uri": "/api/v1/events"}, "status": 201, "duration": 0.0123,
    "request_id": OWN,
}  # fmt: skip


def entry(event: str, at: str, **fields: Any) -> dict[str, Any]:
    return {"event": event, "timestamp": f"2026-11-26T17:00:{at}Z", **fields}


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A work tree with the logs of a stack that has stopped, and no engine."""
    monkeypatch.delenv("PARTERRE_VAR", raising=False)

    def no_engine(*_: object, **__: object) -> list[Any]:
        raise CommandFailed("docker is not installed")

    monkeypatch.setattr(Engine, "containers", no_engine)
    layout = Layout(tmp_path)
    (layout.var / "log").mkdir(parents=True)
    return layout


def write(layout: Layout, log: str, *entries: dict[str, Any] | str) -> None:
    lines = [one if isinstance(one, str) else json.dumps(one) for one in entries]
    (layout.var / "log" / log).write_text("\n".join(lines) + "\n")


def fill(layout: Layout) -> None:
    write(layout, "gateway.log", GATEWAY, {**GATEWAY, "request_id": f"{OWN}0"})
    write(
        layout,
        "notification-worker.log",
        entry("mail.attempted", "01.5", request_id=OWN, kind="booking-confirmed", outcome="sent",
              attempt=1, milliseconds=30.1, answer="250 2.0.0 4XyZ12"),
        entry("mail.attempted", "01.6", request_id="other", kind="booking-confirmed"),
    )  # fmt: skip
    write(
        layout,
        "event-relay.log",
        f"Traceback of {OWN}",
        f'["{OWN}"]',
        json.dumps({"event": "no time", "request_id": OWN}),
        entry("relay.queued", "01", task="notifications.send", count=3, request_ids=["x", OWN]),
        entry("relay.queued", "01", task="notifications.send", count=1, request_ids=["x"]),
    )
    # The part of a log that was rotated away comes first.
    write(layout, "event.log", entry("request", "00.2", request_id=OWN, method="POST", path="/b"))
    write(layout, "event.log.1", entry("other", "00.1", request_id=OWN, reason="a\x1b[31m"))


def test_lines_of_one_request_are_found_in_all_logs_in_order_of_time(layout: Layout) -> None:
    fill(layout)
    lines, logs = find_lines(layout, OWN)
    assert logs == 5
    assert [(line.log, line.entry.get("event")) for line in lines] == [
        ("event", "other"),
        ("gateway", None),
        ("event", "request"),
        ("event-relay", "relay.queued"),
        ("notification-worker", "mail.attempted"),
    ]


def test_what_happened_is_said_in_words(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    fill(layout)
    assert trace(layout, OWN, as_json=False) == 0
    title, *rows = capsys.readouterr().out.splitlines()
    assert title == f"{OWN} on 2026-11-26, UTC: 5 lines of 4 logs"
    # A log's escape sequences do not reach the terminal.
    assert rows == [
        "17:00:00.100  +   0.000 s  event                other reason=a [31m",
        "17:00:00.123  +   0.023 s  gateway              POST /api/v1/events: 201 in 12.3 ms",
        "17:00:00.200  +   0.100 s  event                POST /b: None in None ms",
        "17:00:01.000  +   0.900 s  event-relay          put on the queue for notifications.send, in"
        " a batch of 3",
        "17:00:01.500  +   1.400 s  notification-worker  mail booking-confirmed sent, attempt 1,"
        " 30.1 ms: 250 2.0.0 4XyZ12",
    ]


def test_as_json_the_lines_are_as_they_were(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(layout)
    assert trace(layout, OWN, as_json=True) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert printed[1] == {"log": "gateway", **GATEWAY}
    assert len(printed) == 5


def test_an_exception_is_named_by_its_type() -> None:
    crashed = {
        "event": "task.crashed",
        "exception": {"types": ["x.Broken", "y.Cause"], "frames": []},
    }
    assert describe(crashed) == "task.crashed exception=x.Broken"
    assert describe({}) == "(no words)"


@pytest.mark.parametrize("wrong", ["", "two words", "a" * 65, "-x", "$(id)", "a\n"])
def test_what_is_no_request_id_is_refused(layout: Layout, wrong: str) -> None:
    fill(layout)
    with pytest.raises(CommandFailed, match="no request id"):
        trace(layout, wrong, as_json=False)


def test_where_nothing_is_found_it_says_why(layout: Layout) -> None:
    with pytest.raises(CommandFailed, match="docker is not installed"):
        trace(layout, OWN, as_json=False)
    fill(layout)
    with pytest.raises(CommandFailed, match="no line of 5 logs has this id"):
        trace(layout, "unknown", as_json=False)


def test_the_command_ends_with_one_line(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS), "PARTERRE_VAR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "deployment.trace", "a b"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "trace: that is no request id: up to 64 letters, digits and . _ : -\n"


@pytest.mark.parametrize(
    "strange",
    [
        {"msg": "handled request", "duration": "long"},
        {"msg": "handled request", "request": "GET /"},
        {"event": "broken", "exception": "Traceback"},
        {"event": "broken", "exception": {"types": {"a": 1}}},
        {"event": "old", "timestamp": "0001-01-01T00:00:00+14:00"},
        '{"request_id":"' + OWN + '","a":' + "[" * 100_000,
    ],
)
def test_a_line_of_another_shape_hides_no_other(
    layout: Layout, capsys: pytest.CaptureFixture[str], strange: dict[str, Any] | str
) -> None:
    fill(layout)
    if isinstance(strange, dict):
        strange = {"request_id": OWN, "timestamp": "2026-11-26T17:00:03Z", **strange}
    write(layout, "strange.log", strange)
    assert trace(layout, OWN, as_json=False) == 0
    assert "mail booking-confirmed sent" in capsys.readouterr().out


def test_compressed_parts_of_a_log_are_read(layout: Layout) -> None:
    line = json.dumps(entry("old", "00", request_id=OWN)).encode()
    (layout.var / "log" / "event.log.2.gz").write_bytes(gzip.compress(line))
    lines, _ = find_lines(layout, OWN)
    assert [(one.log, one.entry["event"]) for one in lines] == [("event", "old")]


def test_an_id_of_too_many_lines_is_given_up_early(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []

    def belongs(found: Any, _: str) -> bool:
        read.append(found)
        return True

    monkeypatch.setattr("deployment.trace.MAX_LINES", 10)
    monkeypatch.setattr("deployment.trace._belongs", belongs)
    write(layout, "event.log", *[entry("x", "00", request_id=OWN)] * 1_000)
    with pytest.raises(CommandFailed, match="more than 10 lines"):
        find_lines(layout, OWN)
    assert len(read) == 11


def test_who_reads_the_first_lines_only_sees_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    line = json.dumps(entry("x" * 100, "00", request_id=OWN))
    (tmp_path / "log" / "event.log").write_text(f"{line}\n" * 5_000)
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS), "PARTERRE_VAR": str(tmp_path)}
    done = subprocess.run(
        f"{sys.executable} -m deployment.trace --json {OWN} | head -n 1",
        shell=True, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert json.loads(done.stdout)["request_id"] == OWN
    assert done.stderr == ""

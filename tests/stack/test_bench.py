"""``./scripts/bench``: what it is asked for, what it makes of figures, and that nothing of it is left."""

import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from benchmarks import __main__ as bench
from benchmarks import pgbench, revisions
from benchmarks.lines import Line, against, averaged, by_turns
from benchmarks.revisions import Revision, check_out
from benchmarks.servers import Bench
from service_kit.ids import new_id
from stack.errors import StackError
from stack.processes import Program
from stack.records import tagged
from tests.conftest import FreshDatabase
from tests.stack.small_bench import WAITS
from tests.stack.test_up import until

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 60.0
SEATS = 50
YARDSTICK_DIGEST = "f72f1d0ac93aad1e7e7392855eced835808be9511b64c957ae32fe5e2e813ea2"


def part_names(*arguments: str) -> list[str]:
    return [part.__name__ for part in bench.parse(list(arguments)).parts]


def test_without_options_everything_is_measured() -> None:
    assert part_names() == [part.__name__ for part in bench.PARTS]


def test_only_what_is_named_is_measured_in_the_usual_order() -> None:
    assert part_names("--only", "on_sale", "--only", "booking") == ["booking", "on_sale"]


def test_a_comparison_measures_bookings_unless_something_else_is_named() -> None:
    assert part_names("--compare", "HEAD") == ["booking", "single", "on_sale"]
    assert part_names("--compare", "HEAD", "--only", "event_list") == ["event_list"]


def test_a_part_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.parse(["--only", "nothing"])
    assert "invalid choice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wanted", "value", "is_met"),
    [
        ("", 1, True),
        (">= 0.5", 5, True),
        (">= 0.5", 4, False),
        ("<= 1", 11, False),
        ("= 1", 10, True),
    ],
)
def test_a_figure_keeps_a_promise_or_misses_it(wanted: str, value: float, is_met: bool) -> None:
    line = Line("bookings", value, 10, "/s", wanted)
    assert (line.ratio, line.is_met) == (value / 10, is_met)
    assert line.as_json()["is_met"] is is_met


def test_a_figure_against_nothing_keeps_no_promise() -> None:
    line = Line("sold, answers", 0, 0, "", "= 1")
    assert math.isnan(line.ratio) and not line.is_met


def test_sides_are_measured_by_turns_every_second_time_backwards() -> None:
    order: list[str] = []

    def side(name: str, values: list[float]) -> Callable[[], float]:
        return lambda: order.append(name) or values.pop(0)  # type: ignore[func-returns-value]

    means = by_turns(3, side("a", [1, 2, 6]), side("b", [10, 20, 60]))
    assert list(means) == [3, 30]
    assert "".join(order) == "abbaab"


def test_runs_are_averaged_and_compared_with_those_of_another_revision() -> None:
    runs = [[Line("single, pgbench", value, 1, "ms", than_before="<= 1.1")] for value in (1.0, 3.0)]
    [now] = averaged(runs)
    assert (now.value, now.ratio) == (2.0, 2.0)
    [compared] = against([now], [Line("single, pgbench", 1.9, 1, "ms")])
    assert (compared.name, compared.against, compared.wanted) == ("single", 1.9, "<= 1.1")
    assert compared.is_met
    [slower] = against([now], [Line("single, pgbench", 1.8, 1, "ms")])
    assert not slower.is_met


class FakeBench(Bench):
    """Remembers when it was started and stopped."""

    def __init__(self, name: str, events: list[str]) -> None:
        self.name, self.events = name, events

    def start(self) -> None:
        self.events.append(f"start {self.name}")

    def stop(self) -> None:
        self.events.append(f"stop {self.name}")


def test_two_revisions_are_measured_by_turns_and_then_stopped() -> None:
    events: list[str] = []
    benches: list[Bench] = [FakeBench("before", events), FakeBench("now", events)]
    values = iter((10.0, 1.0, 3.0, 30.0))

    def part(one: Bench) -> list[Line]:
        assert isinstance(one, FakeBench)
        events.append(one.name)
        return [Line("bookings", next(values), 1, "/s")]

    [[before], [now]] = bench._measure([part], benches, "0110")
    assert events[:2] == ["start before", "start now"]
    assert events[2:6] == ["before", "now", "now", "before"]
    assert sorted(events[6:]) == ["stop before", "stop now"]
    assert (before.value, now.value) == (20.0, 2.0)


def test_of_a_revision_its_services_run_and_not_what_measures_them() -> None:
    revision = Revision(Path("/revision"), "/revision/python")
    service = Program("event", [sys.executable, "-m", "event_service"], {"A": "b"})
    runs = revision.runs(service)
    assert runs.command == ["/revision/python", "-m", "event_service"]
    assert runs.environment["A"] == "b"
    assert "/revision/event-service" in runs.environment["PYTHONPATH"].split(os.pathsep)
    for other in (
        Program("mailbox", [sys.executable, "-m", "stack.mailbox"], {}),
        Program("redis-cache", ["/bin/redis-server", "/data/redis.conf"], {}),
    ):
        assert revision.runs(other) is other


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """Commits files to a repository that stands for Parterre's."""
    root = tmp_path / "root"
    monkeypatch.setattr(revisions, "ROOT", root)

    def git(*arguments: str) -> None:
        names = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        subprocess.run(
            ["git", *names, "-C", str(root), *arguments], check=True, capture_output=True
        )

    def commit(files: dict[str, str]) -> None:
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        if not (root / ".git").exists():
            git("init")
        git("add", "--all")
        git("commit", "--message", "Change")

    return commit


Commit = Callable[[dict[str, str]], None]


def test_a_revision_with_the_same_lock_runs_in_the_same_environment(
    commit: Commit, tmp_path: Path
) -> None:
    commit({"requirements.lock": "a==1", "event-service/main.py": "old"})
    commit({"event-service/main.py": "new"})
    revision = check_out("HEAD~1", tmp_path / "revision")
    assert revision.python == sys.executable
    assert (revision.root / "event-service" / "main.py").read_text() == "old"


def test_a_revision_with_another_lock_gets_an_environment_of_its_own(
    commit: Commit, tmp_path: Path
) -> None:
    bootstrap = 'bootstrap() { mkdir "$(dirname "${BASH_SOURCE[0]}")/../.venv"; }\n'
    commit({"requirements.lock": "a==1", "scripts/bootstrap.sh": bootstrap})
    commit({"requirements.lock": "a==2"})
    revision = check_out("HEAD~1", tmp_path / "revision")
    assert (revision.root / ".venv").is_dir()
    assert revision.python == str(revision.root / ".venv" / "bin" / "python")


def test_a_revision_that_is_not_there_is_said_in_one_line(commit: Commit, tmp_path: Path) -> None:
    commit({"requirements.lock": ""})
    with pytest.raises(StackError, match="^no-such-revision cannot be had: [^\n]+$"):
        check_out("no-such-revision", tmp_path / "revision")


@pytest.mark.parametrize(
    "options", [(), ("--compare", "HEAD"), ("--costs",)], ids=["alone", "comparison", "costs"]
)
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_bench_that_is_interrupted_leaves_nothing(
    signum: int, options: tuple[str, ...], tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.stack.small_bench", *options],
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT}"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert any(WAITS in line for line in process.stdout)
        # The program and its child, once or for both revisions.
        until(
            lambda: len(list(tagged(tmp_path))) == (4 if "--compare" in options else 2),
            "what it starts",
        )
        process.send_signal(signum)
        # Somebody is impatient.
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=WAIT_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 130
    assert list(tagged(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_the_yardstick_is_what_it_was() -> None:
    statements = pgbench.YARDSTICK.read_bytes()
    assert sha256(statements).hexdigest() == YARDSTICK_DIGEST


ADD_EVENT = """
    INSERT INTO event (
        id, organizer_id, title, description, category, venue, city, timezone, starts_at, ends_at,
        status, seating, capacity, price, currency, max_seats_per_user, version, created_at,
        updated_at
    )
    VALUES ($1, $1, 'Evening', '', 'Music', 'Hall', 'Berlin', 'UTC', now() + interval '1 day',
        now() + interval '2 days', 'published', 'general', $2, 2500, 'EUR', 10, 1, now(), now())
"""
ADD_SEATS = """
    INSERT INTO seat (id, event_id, position)
    SELECT gen_random_uuid(), $1, n FROM generate_series(1, $2) AS n
"""
COUNTS = """
    SELECT (SELECT count(*) FROM seat WHERE event_id = $1 AND booking_id IS NOT NULL) AS taken,
        (SELECT count(DISTINCT user_id) FROM booking WHERE event_id = $1) AS people,
        (SELECT count(*) FROM idempotency_key) AS keys,
        (SELECT count(*) FROM ticket JOIN booking ON booking.id = booking_id) AS tickets,
        (SELECT count(*) FROM outbox) AS messages
"""


async def test_the_yardstick_books_on_the_present_tables(fresh_database: FreshDatabase) -> None:
    url = (await fresh_database("event")).replace("+asyncpg", "")
    event_id = new_id()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(ADD_EVENT, event_id, SEATS)
        await connection.execute(ADD_SEATS, event_id, SEATS)
        options: dict[str, Any] = {"connections": 2, "seconds": 1}
        # All seats are sold within the second: what is left is an error of pgbench's.
        with pytest.raises(StackError, match="expected one row, got 0"):
            pgbench.bookings_per_second(url, str(event_id), SEATS, **options)
        counts = dict(await connection.fetchrow(COUNTS, event_id))
    finally:
        await connection.close()
    assert counts == dict.fromkeys(("taken", "people", "keys", "tickets", "messages"), SEATS)

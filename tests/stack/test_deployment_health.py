"""When a new container counts as healthy, and how long that is waited for."""

import itertools
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deployment.containers import Containers
from deployment.errors import CommandFailed
from deployment.health import STEADY_SECONDS, Health
from deployment.layout import Layout
from deployment.steps import Steps
from tests.stack.fake_engine import FakeEngine, Machine


@dataclass
class Waiting:
    """Containers of one version, and a clock that goes on by a second at each look."""

    layout: Layout
    machine: Machine = field(default_factory=Machine)
    clock: "itertools.count[int]" = field(default_factory=itertools.count)

    def wait(self, *names: str, **options: float) -> float:
        """Seconds until all are healthy, or nobody waits any more."""
        engine = FakeEngine(self.layout, "1.0", machine=self.machine)
        health = Health(engine, sleep=lambda _: None, clock=lambda: float(next(self.clock)))
        start = next(self.clock)
        try:
            health.wait(names, **options)
        except CommandFailed as error:
            if "is not healthy after" not in str(error):
                raise
        return next(self.clock) - start

    def start(self, service: str = "event", **changes: object) -> str:
        one = self.machine.create(service, "1.0", is_running=True)
        self.machine.put(self.machine.find(one.id), **changes)
        return one.id


@pytest.fixture
def waiting(tmp_path: Path) -> Waiting:
    return Waiting(Layout(tmp_path))


def test_one_that_docker_has_started_again_ended_at_its_start(waiting: Waiting) -> None:
    with pytest.raises(CommandFailed, match="event: new container ended at its start"):
        waiting.wait(waiting.start(restarts=1))


def test_one_that_docker_calls_healthy_is_not_asked(waiting: Waiting) -> None:
    waiting.wait(waiting.start())
    assert waiting.machine.commands == []


def test_one_without_a_check_has_to_run_for_a_while(waiting: Waiting) -> None:
    assert waiting.wait(waiting.start(check=(), health="")) > STEADY_SECONDS


def test_several_that_start_at_once_get_more_time(waiting: Waiting) -> None:
    waiting.machine.sick.add(("event", "1.0"))
    (waiting.layout.settings_folder / "START_SECONDS").write_text("20\n")
    alone = waiting.wait(waiting.start())
    together = waiting.wait(waiting.start(), waiting.start())
    at_least = waiting.wait(waiting.start(), at_least_seconds=100)
    assert 20 < alone < 30 < together < 40 < 100 < at_least


def test_a_time_that_is_no_number_is_said_in_a_line(waiting: Waiting) -> None:
    (waiting.layout.home / ".env").write_text("DRAIN_SECONDS=6s\n")
    engine = FakeEngine(waiting.layout, "1.0", machine=waiting.machine)
    with pytest.raises(CommandFailed, match="DRAIN_SECONDS=6s is no number; correct it in .*/.env"):
        Containers(engine, Steps(write=lambda _: None))


def test_who_drains_for_longer_by_a_file_is_stopped_later(waiting: Waiting) -> None:
    (waiting.layout.settings_folder / "DRAIN_SECONDS").write_text("60\n")
    engine = FakeEngine(waiting.layout, "1.0", machine=waiting.machine)
    one = waiting.machine.find(waiting.start())
    Containers(engine, Steps(write=lambda _: None)).stop([one])
    assert waiting.machine.commands == [f"stop --time 105 {one.id}"]

"""What a deployment does, in which order, and what it undoes when a step fails: without an engine."""

import itertools
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deployment import background, prune
from deployment.containers import Containers
from deployment.engine import Container
from deployment.errors import CommandFailed, one_line
from deployment.layout import Layout
from deployment.lock import hold_lock, read_holder
from deployment.record import DEPLOYED, FAILED, ROLLED_BACK, Record
from deployment.replicas import Replicas
from deployment.roll import Roll
from deployment.services import API_SERVICES, ONE_AT_A_TIME, image_of
from deployment.steps import Steps
from tests.stack.fake_engine import LONG_RUNNING, FakeEngine, Machine, write_release

OLD, NEW = "1.0", "1.1"


@dataclass
class Host:
    """A host with the release 1.0 in use, and 1.1 sent to it."""

    layout: Layout
    machine: Machine = field(default_factory=Machine)
    lines: list[str] = field(default_factory=list)
    is_roomy: bool = False

    def roll(self, version: str, **options: bool) -> Roll:
        clock = itertools.count()
        engine = FakeEngine(self.layout, version, machine=self.machine)

        def make(engine: FakeEngine, steps: Steps, *, is_forced: bool = False) -> Containers:
            return Containers(
                engine,
                steps,
                is_forced=is_forced,
                sleep=lambda seconds: None,
                clock=lambda: float(next(clock)),
            )

        return Roll(
            engine,
            Steps(write=self.lines.append),
            Record(self.layout),
            lack=lambda old, running, layout: "" if self.is_roomy else "too little",
            make_containers=make,
            **options,
        )

    def deploy(self, version: str = NEW, **options: bool) -> None:
        self.machine.least_serving.clear()
        self.machine.most_serving.clear()
        self.roll(version, **options).deploy()

    def of_new(self, service: str) -> Container:
        """The container that serves after a deployment."""
        (one,) = self.machine.serving(service)
        return one

    def index(self, *parts: str) -> int:
        """Position of the first command that has all parts."""
        return next(
            number
            for number, command in enumerate(self.machine.commands)
            if all(part in command for part in parts)
        )

    @property
    def current(self) -> str | None:
        return Record(self.layout).current()


@pytest.fixture(params=[False, True], ids=["one by one", "several at a time"])
def host(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    host = Host(Layout(tmp_path), is_roomy=request.param)
    for version in (OLD, NEW):
        write_release(host.layout, version)
        host.machine.add_version(version)
    host.roll(OLD).deploy()
    host.machine.commands.clear()
    host.lines.clear()
    return host


def everywhere(version: str) -> dict[str, list[str]]:
    return {name: [version] for name in LONG_RUNNING}


def test_the_first_deployment_starts_everything_and_is_recorded(host: Host) -> None:
    assert host.machine.versions() == everywhere(OLD)
    assert host.current == OLD
    assert [(e.version, e.outcome) for e in Record(host.layout).entries()] == [(OLD, DEPLOYED)]


def test_each_service_serves_at_any_time_and_two_beats_never_run(host: Host) -> None:
    host.deploy()
    assert host.machine.versions() == everywhere(NEW)
    assert host.current == NEW
    for name in LONG_RUNNING:
        expected = (0, 1) if name in ONE_AT_A_TIME else (1, 2)
        counts = (host.machine.least_serving[name], host.machine.most_serving[name])
        assert counts == expected, name


def test_gateway_databases_and_queues_are_not_touched(host: Host) -> None:
    before = [c for c in host.machine.containers.values() if c.image == "postgres:17"]
    host.deploy()
    assert [c for c in host.machine.containers.values() if c.image == "postgres:17"] == before
    assert len(before) == 4
    ups = [c for c in host.machine.commands if ": up " in c]
    flags = {"--no-deps", "--no-recreate", "--no-build"}
    assert ups and all(flags <= set(c.split()) for c in ups)


def test_steps_come_in_order(host: Host) -> None:
    host.deploy()
    order = [
        host.index("run", "preflight"),
        *(host.index("run", f"{name}-migrate") for name in API_SERVICES),
        *([] if host.is_roomy else [host.index("run", f"try-{name} ") for name in API_SERVICES]),
        *(host.index("up --no-start", f"--scale={name}=2") for name in API_SERVICES),
        host.index("up --no-start", "--scale=notification-worker=2"),
        host.index("up --no-start", "--scale=event-relay=2", "--scale=flower=2"),
        host.index("up --no-start", "--scale=notification-beat=2"),
        host.index("exec", "--mail"),
    ]
    assert order == sorted(order)


def test_tokens_come_from_the_new_version(host: Host) -> None:
    # The running one may be of before there was a smoke account.
    host.machine.broken = lambda c: (
        "invalid choice" if "smoke-account" in c and "parterre-try-token" not in c else None
    )
    host.deploy()
    assert host.machine.versions() == everywhere(NEW)
    assert host.index("smoke-account") < host.index("stop --time")


def test_what_has_not_changed_is_not_replaced(host: Host) -> None:
    host.machine.images |= {image_of("auth", NEW): host.machine.images[image_of("auth", OLD)]}
    for version in (OLD, NEW):
        (host.layout.compose_file(version)).write_text("services: {}\n")
    before = host.machine.serving("auth")
    host.deploy()
    assert host.machine.serving("auth") == before
    assert host.machine.versions()["event"] == [NEW]


def test_the_same_image_with_other_settings_is_replaced(host: Host) -> None:
    host.machine.images |= {image_of("auth", NEW): host.machine.images[image_of("auth", OLD)]}
    host.deploy()
    assert host.machine.versions()["auth"] == [NEW]


LAST = API_SERVICES[-1]
# Parts of the command that fails. The way back runs commands of the version before, which work.
FAILURES = {
    "preflight": "run -d --no-deps --name parterre-try-preflight",
    "a migration": "run -d --no-deps --name parterre-try-event-migrate",
    "the start of an api that is asked": f"run -d --no-deps --name parterre-try-{LAST} {LAST}|start id",
    "an api's smoke test": "--event http://parterre-try-event:8000|--event http://id",
    "creating the second container of the first service": f"{NEW}: up --no-start --no-deps",
    "creating the second container of a later service": "1.1: up * --scale=notification=2",
    "creating workers": "1.1: up * --scale=notification-worker=2",
    "creating relays": "1.1: up * --scale=event-relay=2",
    "creating beat": "1.1: up * --scale=notification-beat=2",
    "the last smoke test": "--mail",
}


def matches(command: str, pattern: str) -> bool:
    """``*`` stands for anything, ``|`` between two patterns for either: where there is room, or none."""
    return any(all(part in command for part in one.split("*")) for one in pattern.split("|"))


@pytest.mark.parametrize("pattern", FAILURES.values(), ids=FAILURES)
def test_whatever_step_fails_the_version_before_serves_throughout(host: Host, pattern: str) -> None:
    host.machine.broken = lambda c: "it went wrong" if matches(c, pattern) else None
    with pytest.raises(CommandFailed, match="it went wrong"):
        host.deploy()
    assert host.machine.versions() == everywhere(OLD)
    assert not [c for c in host.machine.containers.values() if c.is_one_off]
    for name in LONG_RUNNING:
        if name not in ONE_AT_A_TIME:
            assert host.machine.least_serving[name] >= 1, name
        assert len(host.machine.serving(name)) == 1, name
    assert host.current == OLD
    last = Record(host.layout).entries()[-1]
    assert (last.version, last.outcome) == (NEW, FAILED)
    assert "it went wrong" in last.reason


@pytest.mark.parametrize("trouble", ["crashing", "sick"])
@pytest.mark.parametrize("service", ["event", "notification-worker", "notification-beat"])
def test_a_version_that_does_not_run_takes_itself_back(
    host: Host, trouble: str, service: str
) -> None:
    getattr(host.machine, trouble).add((service, NEW))
    with pytest.raises(CommandFailed, match=f"{service}: new container"):
        host.deploy()
    assert host.machine.versions() == everywhere(OLD)
    assert all(len(host.machine.serving(name)) == 1 for name in LONG_RUNNING)


def test_a_run_that_was_killed_is_finished_by_the_next(host: Host) -> None:
    class Killed(BaseException):
        pass

    def kill(command: str) -> None:
        if matches(command, "1.1: up * --scale=notification=2"):
            raise Killed

    roll = host.roll(NEW)
    roll._undo = lambda previous: None  # type: ignore[method-assign]  # nothing runs after a SIGKILL
    host.machine.broken = kill
    with pytest.raises(Killed):
        roll.deploy()
    host.machine.create("event", NEW, name="parterre-try-event", is_running=True)
    host.machine.create("notification", NEW, is_running=True)
    assert sorted(host.machine.versions()["notification"]) == [OLD, NEW]
    host.machine.broken = lambda command: None
    host.machine.commands.clear()
    host.deploy()
    assert host.machine.versions() == everywhere(NEW)
    # Where several are replaced at a time, none had ended when it was killed.
    was_done = "--scale=auth=2" if not host.is_roomy else "--scale=notification=3"
    assert not any(was_done in command for command in host.machine.commands)
    if not host.is_roomy:
        assert not any("auth-migrate" in command for command in host.machine.commands)
    assert not [c for c in host.machine.containers.values() if c.is_one_off]


def test_a_run_that_was_killed_is_taken_back_by_a_deployment_of_the_version_before(
    host: Host,
) -> None:
    Replicas(host.roll(NEW).containers).note(LONG_RUNNING)
    host.machine.create("event", NEW, is_running=True)
    host.deploy(OLD)
    assert host.machine.versions() == everywhere(OLD)


def test_a_container_is_healthy_by_its_own_check_before_docker_has_made_it(host: Host) -> None:
    one = host.machine.create("event", NEW, is_running=True)
    host.machine.put(one, status="running", health="starting")
    host.roll(NEW).containers.health.wait([one.id])
    assert host.machine.commands == [f"exec {one.id} healthcheck"]


def test_replicas_are_replaced_one_by_one(host: Host) -> None:
    host.machine.create("event", OLD, is_running=True)
    host.deploy()
    assert host.machine.versions()["event"] == [NEW, NEW]
    assert (host.machine.least_serving["event"], host.machine.most_serving["event"]) == (2, 3)


def test_a_forced_deployment_replaces_each_container_once(host: Host) -> None:
    before = set(host.machine.containers)
    host.deploy(OLD, is_forced=True)
    replaced = {c.service for c in host.machine.containers.values() if c.id not in before}
    assert replaced == set(LONG_RUNNING)
    assert host.machine.versions() == everywhere(OLD)


def test_a_new_service_is_started_and_goes_with_its_version(host: Host) -> None:
    host.machine.services.append("event-exporter")
    host.deploy()
    new = host.of_new("event-exporter")
    assert new.image == image_of("event", NEW)
    host.machine.services.remove("event-exporter")
    host.roll(OLD).go_back()
    assert host.machine.serving("event-exporter") == []
    # It ends what it has begun.
    assert host.index("stop --time", new.id) < host.index("rm --force", new.id)


def test_monitoring_stays_though_compose_lists_it_with_its_profile_only(host: Host) -> None:
    one = host.machine.create("prometheus", OLD, is_running=True)
    host.machine.put(host.machine.find(one.id), image="prom/prometheus:v3.5.0")
    host.deploy()
    assert [there.id for there in host.machine.serving("prometheus")] == [one.id]


def test_the_way_back_leaves_the_database_and_is_recorded(host: Host) -> None:
    host.deploy()
    host.machine.commands.clear()
    host.roll(OLD).go_back()
    assert host.machine.versions() == everywhere(OLD)
    assert host.current == OLD
    assert not any("migrate" in command for command in host.machine.commands)
    assert [e.outcome for e in Record(host.layout).entries()] == [DEPLOYED, DEPLOYED, ROLLED_BACK]


def test_versions_to_go_back_to_are_a_stack(tmp_path: Path) -> None:
    record = Record(Layout(tmp_path))
    history = [("1", DEPLOYED), ("2", DEPLOYED), ("3", FAILED), ("3", DEPLOYED), ("2", ROLLED_BACK)]
    for version, outcome in history:
        record.add(version, outcome, 1.0)
    assert record.versions() == ["1", "2"]
    record.add("1", DEPLOYED, 1.0)
    assert record.versions() == ["2", "1"]


def test_only_versions_deployed_here_are_pruned_and_three_stay(host: Host) -> None:
    host.machine.images["parterre/event-service:mine"] = "sha256:mine"
    for version in (NEW, "1.2", "1.3"):
        write_release(host.layout, version)
        host.machine.add_version(version)
        host.deploy(version)
    left = {image.rpartition(":")[2] for image in host.machine.images}
    assert left == {NEW, "1.2", "1.3", "mine"}
    assert sorted(one.name for one in host.layout.releases.iterdir()) == [NEW, "1.2", "1.3"]
    engine = FakeEngine(host.layout, machine=host.machine)
    assert prune.remove_old(engine, Record(host.layout)) == []


def test_a_second_deployment_is_told_what_is_in_the_way(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    with hold_lock(layout, "deployment of 1.1", version="1.1"):
        assert read_holder(layout)["version"] == "1.1"
        with pytest.raises(CommandFailed, match="deployment of 1.1 is under way here"):
            with hold_lock(layout, "deployment of 1.2"):
                raise AssertionError("two hold the lock")
    assert read_holder(layout) == {}


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, signal\n"
        "from deployment.layout import Layout\n"
        "from deployment.lock import hold_lock\n"
        f"with hold_lock(Layout(pathlib.Path({str(tmp_path)!r})), 'restore'):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    scripts = str(Path(background.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": scripts}, check=False)
    assert done.returncode == -9
    assert read_holder(Layout(tmp_path)) == {}


def test_a_log_is_followed_to_its_end_and_a_killed_deployment_is_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "one.log"
    log.write_text("[   0s] deployment of 1.1\n")
    with pytest.raises(CommandFailed, match="killed in the midst"):
        background.follow(log, lambda: False)
    log.with_suffix(".exit").write_text("1\n")
    assert background.follow(log, lambda: False) == 1
    assert "deployment of 1.1" in capsys.readouterr().out


def test_an_error_in_one_line_has_its_cause() -> None:
    error = CommandFailed("event: new container ended at its start:\n  Traceback\n  No module x")
    assert one_line(error) == "event: new container ended at its start: No module x"


def test_a_deployment_makes_the_folder_of_metrics_before_docker_does(host: Host) -> None:
    assert (host.layout.var / "metrics").stat().st_mode & 0o777 == 0o755

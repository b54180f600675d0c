"""What a restore does to a host's containers: without an engine."""

import signal
from pathlib import Path

import pytest

from deployment import restore_host
from deployment.errors import CommandFailed
from deployment.layout import Layout
from deployment.restore_host import ComposeHost
from deployment.services import MIGRATIONS, ONE_SHOT
from deployment.signals import Stopped
from deployment.steps import Steps
from tests.stack.fake_engine import LONG_RUNNING, FakeEngine, Machine, write_release

VERSION = "1.0"


@pytest.fixture
def machine() -> Machine:
    """Everything of one release runs."""
    machine = Machine()
    machine.add_version(VERSION)
    for service in ("postgres", "redis-broker", "redis-cache", "gateway", *LONG_RUNNING):
        machine.create(service, VERSION, is_running=True)
    machine.commands.clear()
    return machine


@pytest.fixture
def host(tmp_path: Path, machine: Machine) -> ComposeHost:
    layout = Layout(tmp_path)
    write_release(layout, VERSION)
    engine = FakeEngine(layout, VERSION, machine=machine)
    return ComposeHost(engine, Steps(write=lambda line: None), with_smoke=False)


def test_each_service_migrates_its_database(host: ComposeHost, machine: Machine) -> None:
    host.migrate()
    started = [command for command in machine.commands if " run -d " in command]
    assert [command.split()[-1] for command in started] == list(MIGRATIONS)
    assert not [one for one in machine.containers.values() if one.is_one_off]


def test_what_runs_stops_but_for_servers_and_gateway_and_starts_again(
    host: ComposeHost, machine: Machine
) -> None:
    """The very containers, and by no command of Compose that would start others which they depend on."""
    ids = [machine.serving(name)[0].id for name in LONG_RUNNING]
    host.stop()
    host.start()
    stop, start = machine.commands
    assert stop == f"stop --time 96 {' '.join(ids)}"
    assert start == f"start {' '.join(ids)}"


@pytest.mark.parametrize(
    ("service", "is_well"), [*((name, True) for name in ONE_SHOT), ("prometheus", False)]
)
def test_only_what_runs_for_long_has_to_run_afterwards(
    host: ComposeHost,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    is_well: bool,
) -> None:
    monkeypatch.setattr(restore_host, "HEALTHY_SECONDS", 0)
    machine.create(service, VERSION, is_running=False)
    host.stop()
    if is_well:
        host.start()
    else:
        with pytest.raises(CommandFailed, match=f"not healthy .*: {service};"):
            host.start()


def test_what_is_ending_when_the_stop_is_interrupted_has_ended_before_it_starts(
    host: ComposeHost, machine: Machine
) -> None:
    """Docker goes on with it; ``docker start`` does nothing to what still runs."""

    def interrupt(command: str) -> None:
        machine.broken = lambda command: None
        raise Stopped(signal.SIGTERM)

    machine.broken = interrupt
    with pytest.raises(Stopped):
        host.stop()
    host.start()
    first, stop, start = machine.commands
    assert first == stop and stop.split()[0] == "stop" and start.split()[0] == "start"
    assert set(stop.split()[3:]) == set(start.split()[1:])
    assert len(start.split()[1:]) == len(LONG_RUNNING)


def test_what_a_restore_that_was_killed_has_stopped_is_started(
    host: ComposeHost, machine: Machine
) -> None:
    """The very containers, with replicas; what a stopped one of a migration is, stays."""
    machine.create("event", VERSION, is_running=True)
    job = machine.create(MIGRATIONS[0], VERSION, is_running=True)
    machine.put(machine.find(job.id), status="exited")
    host.stop()
    again = ComposeHost(host._engine, host._steps, with_smoke=False)
    again.stop()
    again.start()
    assert len(machine.serving("event")) == 2
    assert all(machine.serving(name) for name in LONG_RUNNING)
    assert not any(" up " in command for command in machine.commands)
    assert not machine.find(job.id).is_running


def test_a_queue_that_was_not_emptied_is_an_error(host: ComposeHost) -> None:
    with pytest.raises(CommandFailed, match="redis-broker was not emptied"):
        host.empty_queues()

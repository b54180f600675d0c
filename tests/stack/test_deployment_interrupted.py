"""A deployment that is ended at any of its commands: visitors are served, and the next one finishes."""

import signal
from collections.abc import Callable

import pytest

from deployment import roll
from deployment.engine import Container
from deployment.errors import CommandFailed
from deployment.record import Record
from deployment.replicas import Replicas
from deployment.services import ONE_AT_A_TIME
from deployment.signals import Stopped, stop_on_signals, undisturbed
from tests.stack.fake_engine import LONG_RUNNING, write_release
from tests.stack.test_deployment_steps import NEW, OLD, Host, host

__all__ = ["host"]

OTHER = "1.2"
# Of all commands each ninth: all of them take minutes.
STRIDE = 9


class Killed(BaseException):
    """SIGKILL: nothing is undone."""


def at(number: int, error: type[BaseException]) -> Callable[[str], None]:
    """Ends a run at its command of this number, before it has an effect."""
    left = [number]

    def end(command: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise error(signal.SIGTERM)

    return end


def add_replica(host: Host) -> dict[str, int]:
    """A second event-service; containers of each service from now on."""
    host.machine.create("event", OLD, is_running=True)
    return {name: 2 if name == "event" else 1 for name in LONG_RUNNING}


def assert_is(host: Host, version: str, numbers: dict[str, int]) -> None:
    assert host.machine.versions() == {name: [version] * numbers[name] for name in LONG_RUNNING}
    for name in LONG_RUNNING:
        assert len(host.machine.serving(name)) == numbers[name]
    assert not [one for one in host.machine.containers.values() if one.is_one_off]


def assert_served(host: Host, numbers: dict[str, int]) -> None:
    for name in LONG_RUNNING:
        if name not in ONE_AT_A_TIME:
            assert host.machine.least_serving[name] >= numbers[name], name


def number_of_commands(host: Host) -> int:
    host.deploy()
    number = len(host.machine.commands)
    host.deploy(OLD)
    return number


def test_a_signal_at_any_command_is_undone(host: Host) -> None:
    numbers = add_replica(host)
    for number in range(1, number_of_commands(host), STRIDE):
        host.machine.broken = at(number, Stopped)
        with pytest.raises(Stopped):
            host.deploy()
        assert_is(host, OLD, numbers)
        assert_served(host, numbers)
        assert host.current == OLD


@pytest.mark.parametrize("version", [NEW, OLD, OTHER])
def test_what_was_killed_at_any_command_is_finished_or_taken_back_by_the_next(
    host: Host, version: str
) -> None:
    """By another version, too; with as many containers as before, and no service ever without one."""
    write_release(host.layout, OTHER)
    host.machine.add_version(OTHER)
    numbers = add_replica(host)
    for number in range(2, number_of_commands(host), STRIDE):
        host.machine.broken = at(number, Killed)
        roll = host.roll(NEW)
        roll._undo = lambda previous: None  # type: ignore[method-assign]
        with pytest.raises(Killed):
            roll.deploy()
        host.machine.broken = lambda command: None
        host.deploy(version)
        assert_is(host, version, numbers)
        assert_served(host, dict.fromkeys(numbers, 1))
        host.deploy(OLD)
        assert_is(host, OLD, numbers)


def test_one_that_is_ending_is_not_taken_for_one_that_serves(host: Host) -> None:
    """Docker goes on with ``stop`` when its client is gone, and shows nothing of it."""
    ending: list[Container] = []

    def stop(command: str) -> None:
        if command.startswith("stop --time") and not ending:
            ending.extend(map(host.machine.find, command.split()[3:]))
            raise Stopped(signal.SIGTERM)

    host.machine.broken = stop
    with pytest.raises(Stopped):
        host.deploy()
    assert ending and not {one.id for one in ending} & set(host.machine.containers)
    assert_is(host, OLD, dict.fromkeys(LONG_RUNNING, 1))


@pytest.mark.parametrize("version", [OLD, NEW])
def test_all_that_has_stopped_is_started_before_anybody_is_asked(host: Host, version: str) -> None:
    """As by a restore that was killed."""
    for name in LONG_RUNNING:
        (one,) = host.machine.serving(name)
        host.machine.put(one, status="exited", health="")
    host.deploy(version)
    assert_is(host, version, dict.fromkeys(LONG_RUNNING, 1))
    assert host.index("start id") < host.index("exec", "smoke.gateway")


def test_the_limits_of_its_start_are_taken_from_one_that_stays(host: Host) -> None:
    Replicas(host.roll(NEW).containers).note(LONG_RUNNING)
    left = host.machine.create("auth-relay", NEW, is_running=True)
    host.machine.put(host.machine.find(left.id), cpu_shares=64, cpus=0.4)
    host.deploy()
    assert [one.id for one in host.machine.serving("auth-relay")] == [left.id]
    assert any(
        c.startswith("update --cpu-shares 1024") and left.id in c for c in host.machine.commands
    )


@pytest.fixture
def signals() -> object:
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.usefixtures("signals")
def test_a_second_signal_does_not_disturb_what_undoes_the_first() -> None:
    stop_on_signals()
    with pytest.raises(Stopped, match="stopped by signal 15"):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("signals")
def test_a_signal_waits_for_the_end_of_what_has_to_be_done() -> None:
    stop_on_signals()
    steps = []
    with pytest.raises(Stopped):
        with undisturbed():
            signal.raise_signal(signal.SIGTERM)
            steps.append("done")
    assert steps == ["done"]


def test_a_backup_that_takes_too_long_ends_a_deployment(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roll, "BACKUP_SECONDS", 0.1)
    script = host.layout.release(NEW) / "scripts" / "backup"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("#!/bin/sh\nexec sleep 5\n")
    script.chmod(0o700)
    with pytest.raises(CommandFailed, match="--without-backup deploys without one"):
        host.deploy()
    assert_is(host, OLD, dict.fromkeys(LONG_RUNNING, 1))


def test_a_full_disk_does_not_hide_why_a_deployment_failed(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Record, "add", add)
    host.machine.broken = lambda command: "no such host" if "event-migrate" in command else None
    with pytest.raises(CommandFailed, match="no such host"):
        host.deploy()

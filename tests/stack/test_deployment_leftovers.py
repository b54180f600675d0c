"""What a deployment that was killed has left: the next one uses it, or removes it, and nobody notices."""

import os

import pytest

from deployment.engine import Container
from deployment.errors import CommandFailed
from deployment.processors import STARTING_CPUS, STARTING_SHARES
from deployment.replacement import Replacement
from deployment.services import API_SERVICES
from tests.stack.test_deployment_steps import NEW, OLD, Host, everywhere, host

__all__ = ["host"]


def left_while_it_was_asked(host: Host, service: str) -> Container:
    """A new container that is healthy, held back, and on the front network without its service's name."""
    one = host.machine.create(service, NEW, is_running=True)
    host.machine.connected.discard(one.id)
    host.machine.unnamed.add(one.id)
    limits = {"cpu_shares": STARTING_SHARES, "cpus": STARTING_CPUS}
    host.machine.put(host.machine.find(one.id), **limits)
    return host.machine.find(one.id)


def limits_of(host: Host, one: Container) -> tuple[str, str]:
    """Shares and processors that it was given last."""
    updates = [c.split() for c in host.machine.commands if c.startswith("update --cpu-shares ")]
    return [(c[2], c[4]) for c in updates if one.id in c][-1]


def test_one_that_was_being_asked_takes_no_place_without_its_name(host: Host) -> None:
    left = left_while_it_was_asked(host, "event")
    host.deploy()
    assert host.machine.versions() == everywhere(NEW)
    assert left.id not in host.machine.containers
    assert host.machine.least_serving["event"] == 1


def test_one_that_was_being_asked_is_no_replica(host: Host) -> None:
    host.machine.create("event", OLD, is_running=True)
    left_while_it_was_asked(host, "event")
    host.deploy()
    assert host.machine.versions()["event"] == [NEW, NEW]
    assert len(host.machine.serving("event")) == 2


def test_the_only_one_with_visitors_stays_until_another_has_them(host: Host) -> None:
    """Docker calls it unhealthy, which on a busy machine it may be for a moment."""
    (old,) = host.machine.serving("event")
    host.machine.put(old, health="unhealthy")
    left = left_while_it_was_asked(host, "event")
    host.deploy()
    assert left.id not in host.machine.containers
    new = host.of_new("event")
    let_in = host.index(f"network connect --alias event parterre_inside {new.id}")
    ends = [
        n for n, c in enumerate(host.machine.commands) if c[:3] == "rm " and old.id in c.split()
    ]
    assert ends and let_in < ends[0]


def test_one_that_serves_gets_no_limits_of_one_that_was_held_back(host: Host) -> None:
    """A deployment of the version before ends what another has begun."""
    (old,) = host.machine.serving("event")
    left_while_it_was_asked(host, "event")
    host.deploy(OLD)
    assert [one.id for one in host.machine.serving("event")] == [old.id]
    assert not [c for c in host.machine.commands if c.startswith("update") and old.id in c.split()]


def test_a_new_limit_of_processors_is_that_of_the_new_container(host: Host) -> None:
    """``API_CPUS`` was changed, and all was started anew."""
    (old,) = host.machine.serving("event")
    host.machine.put(old, cpus=1.0)
    host.machine.limits["event"] = 2.0
    host.deploy()
    assert limits_of(host, host.of_new("event")) == ("1024", "2.00")


def test_one_that_ends_after_it_was_asked_takes_nobodys_place(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends while the last of the new ones starts."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    new: list[Container] = []

    def end(command: str) -> None:
        if command.startswith("start "):
            new.append(host.machine.find(command.split()[1]))
            if len(new) == len(API_SERVICES):
                host.machine.put(new[0], status="restarting", health="", restarts=1)

    host.machine.broken = end
    with pytest.raises(CommandFailed, match=f"{API_SERVICES[0]}: new container ended"):
        Replacement(host.roll(NEW).containers).replace(API_SERVICES)
    assert host.machine.versions() == everywhere(OLD)
    assert not any("--alias" in c and "parterre_inside" in c for c in host.machine.commands)


@pytest.mark.parametrize("name", ["preflight", "event-migrate", "smoke"])
def test_a_single_container_that_was_left_keeps_none_of_its_name_from_running(
    host: Host, name: str
) -> None:
    service = "event" if name == "smoke" else name
    host.machine.create(service, NEW, name=f"parterre-try-{name}", is_running=True)
    host.deploy()
    assert host.machine.versions() == everywhere(NEW)
    assert not [one for one in host.machine.containers.values() if one.is_one_off]


def test_what_docker_says_of_names_on_networks() -> None:
    networks = {
        "parterre_data": {"Aliases": ["parterre-event-1", "event"]},
        "parterre_inside": {"Aliases": ["0123456789ab"]},
        "parterre_mail": {"Aliases": None},
    }
    one = Container.from_inspect({
        "Id": "0123456789abcdef",
        "Name": "/parterre-event-1",
        "Image": "sha256:x",
        "State": {"Status": "running"},
        "Config": {"Image": "x", "Labels": {"com.docker.compose.service": "event"}},
        "NetworkSettings": {"Networks": networks},
    })  # fmt: skip
    assert one.networks == tuple(networks)
    assert one.named_on == ("parterre_data",)

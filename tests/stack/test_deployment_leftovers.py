"""What a deployment that was killed has left: the next one uses it, or removes it, and nobody notices."""

from deployment.engine import Container
from deployment.processors import STARTING_CPUS, STARTING_SHARES
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
    assert [one.id for one in host.machine.serving("event")] == [left.id]
    let_in = host.index(f"network connect --alias event parterre_inside {left.id}")
    ends = [
        n for n, c in enumerate(host.machine.commands) if c[:3] == "rm " and old.id in c.split()
    ]
    assert ends and let_in < ends[0]


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

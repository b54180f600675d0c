"""New containers: how many start at once, when they are asked, and when they get their first visitor."""

import os

import pytest

from deployment import visitors
from deployment.configuration_text import services_and_networks
from deployment.errors import CommandFailed
from deployment.processors import STARTING_CPUS, starts_at_once
from deployment.replacement import SETTLE_SECONDS, Replacement
from deployment.services import API_SERVICES, image_of
from tests.stack.test_deployment_steps import NEW, OLD, Host, host

__all__ = ["host"]


def test_only_a_roomy_host_has_several_new_containers_at_a_time(host: Host) -> None:
    host.deploy()
    together = [c for c in host.machine.commands if "up --no-start" in c and "=auth=2" in c]
    assert ["--scale=event=2" in command for command in together] == [host.is_roomy]
    said = [line for line in host.lines if "at the same time" in line]
    assert ["there is room" in line for line in said] == [host.is_roomy] * 2


def test_as_many_start_at_once_as_the_processors_take(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    for processors, at_once in ((1, 1), (2, 1), (4, 2), (8, 4)):
        monkeypatch.setattr(os, "cpu_count", lambda found=processors: found)
        assert starts_at_once() == at_once
    host.deploy()
    commands = host.machine.commands
    if not host.is_roomy:
        tried = [host.index("run", f"--name parterre-try-{name} ") for name in API_SERVICES[:2]]
        assert tried[0] < commands.index("rm --force --volumes parterre-try-auth") < tried[1]
        return
    new = [host.of_new(name).id for name in API_SERVICES]
    assert f"update --cpu-shares 64 --cpus 0.25 {' '.join(new)}" in commands
    assert f"start {' '.join(new)}" in commands
    # Each that is asked has the share of one alone.
    for name, id_ in zip(API_SERVICES, new, strict=True):
        alone = commands.index(f"update --cpu-shares 64 --cpus {STARTING_CPUS:.2f} {id_}")
        assert alone < host.index("exec", asking(name, id_))


def asking(service: str, name: str) -> str:
    return f"--{service} http://{name}:8000"


def test_where_there_are_two_processors_one_new_container_starts_at_a_time(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked before the next starts, and has its processors before the gateway finds it."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    host.deploy()
    commands = host.machine.commands
    new = {name: host.of_new(name).id for name in API_SERVICES}
    full = [commands.index(f"update --cpu-shares 1024 --cpus 2.00 {id_}") for id_ in new.values()]
    healthy = [commands.index(f"exec {id_} {HEALTHY_CHECK}") for id_ in new.values()]
    started = [commands.index(f"start {id_}") for id_ in new.values()]
    let_in = [commands.index(connecting(name, id_)) for name, id_ in new.items()]
    for steps in zip(started, full, healthy, let_in, strict=True):
        assert list(steps) == sorted(steps)
    if host.is_roomy:
        asked = [host.index("exec", asking(name, id_)) for name, id_ in new.items()]
        assert started[0] < asked[0] < started[1] < asked[1] < started[2] < asked[2] < let_in[0]
    else:
        assert let_in[0] < started[1] < let_in[1] < started[2]
        tried = [host.index("run", f"--name parterre-try-{name} ") for name in API_SERVICES]
        assert commands.index("rm --force --volumes parterre-try-auth") < tried[1] < started[0]


HEALTHY_CHECK = f"{' '.join(visitors.CHECK)} /health/ready"


def connecting(service: str, id_: str) -> str:
    return f"network connect --alias {service} parterre_inside {id_}"


def test_a_new_container_is_not_found_by_the_gateway_before_it_is_healthy(host: Host) -> None:
    """Also where Compose has put it on all networks when it made it, as version 2 does."""
    host.machine.connects_created = True
    host.machine.sick.add(("event", NEW))
    found = []
    host.machine.broken = lambda c: found.append(
        [
            one.id
            for one in host.machine.containers.values()
            if (one.service, one.image) == ("event", image_of("event", NEW))
            and one.id in host.machine.connected
            and one.is_running
            and not one.is_one_off
        ]
    )
    roll = host.roll(NEW)
    with pytest.raises(CommandFailed, match="not healthy"):
        Replacement(roll.containers).replace(["event"])
    assert any("network disconnect parterre_inside" in c for c in host.machine.commands)
    assert not any(found)
    host.machine.sick.clear()
    Replacement(roll.containers).replace(["event"])
    assert any(found)


def test_services_and_their_networks_are_those_of_the_compose_file() -> None:
    by_keys = "services:\n  a:\n    image: x\n    networks:\n      data: null\n      inside:\n        x: 1\n"
    by_list = "  b.c:\n    networks:\n    - data\n    - mail\n    user: x\n  none:\n    image: x\n"
    rest = "networks:\n  data:\n    internal: true\nvolumes: {}\n"
    found = services_and_networks(f"name: x\n{by_keys}{by_list}{rest}")
    assert found == {"a": ["data", "inside"], "b.c": ["data", "mail"], "none": []}
    assert services_and_networks("") == {}


def test_the_new_version_may_have_another_network(host: Host) -> None:
    host.roll(NEW).engine.services()
    roll = host.roll(NEW)
    roll.engine._services = {"event": ["data", "inside", "more"]}
    Replacement(roll.containers).replace(["event"])
    assert any("connect --alias event parterre_more" in c for c in host.machine.commands)


def test_only_what_visitors_ask_is_waited_for_until_the_gateway_knows_it(host: Host) -> None:
    slept: list[float] = []
    roll = host.roll(NEW)
    roll.containers.sleep = slept.append
    Replacement(roll.containers).replace(["notification-worker", "auth-relay"])
    assert slept == []
    Replacement(roll.containers).replace(["event"])
    assert slept == [SETTLE_SECONDS]


def test_each_api_is_asked_before_anything_is_replaced(host: Host) -> None:
    """Where there is room, the new container itself, before it has its service's name; else one for the
    moment."""
    host.deploy()
    commands, first_stop = host.machine.commands, host.index("stop --time")
    for name in API_SERVICES:
        one = host.of_new(name)
        if host.is_roomy:
            joined = commands.index(f"network connect parterre_inside {one.id}")
            asked = host.index("exec", asking(name, one.id))
            left = commands.index(f"network disconnect parterre_inside {one.id}", asked)
            assert joined < asked < left < commands.index(connecting(name, one.id)) < first_stop
        else:
            asked = host.index("exec", asking(name, f"parterre-try-{name}"))
            assert host.index("run", f"--name parterre-try-{name} {name}") < asked < first_stop
    assert not [c for c in host.machine.containers.values() if c.is_one_off]
    assert len([line for line in host.lines if "new container answers" in line]) == 3


def test_no_service_finds_a_new_container_of_an_api_before_visitors_do(host: Host) -> None:
    """The other services ask by its service's name, too: it has it on no network until it is let in."""
    host.machine.connects_created = True
    host.deploy()
    commands = host.machine.commands
    for name in API_SERVICES:
        id_ = host.of_new(name).id
        start = next(
            n for n, c in enumerate(commands) if c.startswith("start ") and id_ in c.split()
        )
        named = f"network connect --alias {name} parterre_inside {id_}"
        for network in ("parterre_data", "parterre_inside"):
            left = commands.index(f"network disconnect {network} {id_}")
            assert left < commands.index(f"network connect {network} {id_}") < start
        assert [c for c in commands if "--alias" in c and id_ in c.split()] == [named]
        assert commands.index(named) > start


def test_who_goes_back_asks_none_before(host: Host) -> None:
    host.deploy()
    host.machine.commands.clear()
    host.roll(OLD).go_back()
    asked = [c for c in host.machine.commands if "event_service.smoke --auth" in c]
    assert len(asked) == 1 and "--mail" in asked[0]

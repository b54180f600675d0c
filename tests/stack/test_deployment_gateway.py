"""A deployment ends by asking the services as visitors do, through the gateway."""

import pytest

from deployment.errors import CommandFailed
from tests.stack.test_deployment_steps import NEW, OLD, Host, everywhere, host

__all__ = ["host"]

THROUGH_GATEWAY = "event_service.smoke.gateway https://gateway tickets.parterre.example"


def cut_off_after(host: Host, step: str) -> None:
    """From this command on nobody comes through the gateway."""

    def broken(command: str) -> str | None:
        is_cut_off = any(step in earlier for earlier in host.machine.commands)
        is_asked = "smoke.gateway" in command
        return "gateway: GET / has no answer" if is_asked and is_cut_off else None

    host.machine.broken = broken


def test_services_that_the_gateway_no_longer_reaches_are_taken_back(host: Host) -> None:
    cut_off_after(host, "stop --time")
    with pytest.raises(CommandFailed, match="visitors do not reach it"):
        host.deploy()
    assert host.machine.versions() == everywhere(OLD)
    assert len([c for c in host.machine.commands if THROUGH_GATEWAY in c]) == 2


def test_a_gateway_that_did_not_answer_before_stops_no_deployment(host: Host) -> None:
    cut_off_after(host, "")
    host.deploy()
    assert host.machine.versions() == everywhere(NEW)
    assert any("gateway: as before this deployment: gateway: GET /" in line for line in host.lines)


def test_a_release_that_cannot_ask_the_gateway_says_nothing_of_it(host: Host) -> None:
    host.machine.broken = lambda c: "no such module" if "find_spec" in c else None
    host.deploy()
    assert not any("no gateway of ours runs" in line for line in host.lines)
    assert any("this deployment: no smoke test in this release" in line for line in host.lines)

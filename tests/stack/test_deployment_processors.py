"""What a deployment, and what it starts, leave of the processors to those who are served meanwhile."""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from deployment import probe
from deployment.errors import CommandFailed
from deployment.processors import STARTING_CPUS, STARTING_SHARES, give_way
from deployment.record import Record
from deployment.services import MIGRATIONS, PREFLIGHT
from tests.stack.test_deployment_steps import NEW, OLD, Host, everywhere, host

__all__ = ["host"]

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("service", [PREFLIGHT, *MIGRATIONS])
def test_what_does_its_work_and_ends_is_made_with_little(service: str) -> None:
    """It has begun before it can be held back."""
    # Without stubs in this repository.
    yaml: Any = import_module("yaml")
    one = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"][service]
    limits = (one["cpu_shares"], float(one["cpus"]), one["mem_limit"])
    assert limits == (STARTING_SHARES, STARTING_CPUS, "256M")


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How nice this process was asked to be, where it may not be idle."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    asked: list[int] = []
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(os, "nice", asked.append)
    return asked


def test_a_deployment_that_may_not_be_idle_is_nice(refusing: list[int]) -> None:
    give_way()
    assert refusing == [19]


def test_a_host_where_nobody_may_be_idle_tells_about_itself(
    refusing: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["-", str(tmp_path)])
    monkeypatch.setattr(probe, "docker", lambda *_: "")
    probe.main()
    assert json.loads(capsys.readouterr().out)["home"] == str(tmp_path)


def refuse(host: Host, limits: str) -> None:
    """Docker gives nobody such limits."""
    text = "range of CPUs is from 0.01 to 1.00"
    host.machine.broken = lambda c: text if c.startswith("update") and limits in c else None


def test_a_new_container_that_stays_held_back_does_not_serve(host: Host) -> None:
    refuse(host, "--cpu-shares 1024")
    with pytest.raises(CommandFailed, match="auth: new container stays held back"):
        host.deploy()
    assert host.machine.versions() == everywhere(OLD)
    assert "range of CPUs" in Record(host.layout).entries()[-1].reason


def test_an_engine_that_cannot_limit_what_runs_is_deployed_to(host: Host) -> None:
    refuse(host, "")
    host.deploy()
    assert host.machine.versions() == everywhere(NEW)

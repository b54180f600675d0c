"""deploy/CAPACITY.md sends operators to metrics, alerts and settings that exist."""

import re

import pytest
import yaml

from stack.stack import ROOT

TEXT = (ROOT / "deploy" / "CAPACITY.md").read_text()
QUOTED = re.findall(r"`([^`]+)`", TEXT)
ELSEWHERE = {"node_cpu_seconds_total", "cpu_shares"}


def test_its_alerts_are_there() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "monitoring" / "alerts.yml").read_text())
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    named = {name for name in QUOTED if re.fullmatch(r"([A-Z][a-z]+){1,4}", name)}
    assert len(named) >= 5
    assert named <= alerts


def test_its_metrics_are_described() -> None:
    described = (ROOT / "deploy" / "MONITORING.md").read_text()
    named = {re.split(r"[{:]", name)[0] for name in QUOTED if re.match(r"[a-z]+_[a-z_]+", name)}
    assert len(named) >= 5
    assert [name for name in named - ELSEWHERE if f"`{name}`" not in described] == []


@pytest.mark.parametrize("setting", sorted({n for n in QUOTED if re.match(r"[A-Z]+_[A-Z_]+", n)}))
def test_its_settings_are_compose_s_or_the_services(setting: str) -> None:
    files = ("docker-compose.yml", ".env.example")
    known = "".join((ROOT / file).read_text() for file in files)
    assert re.search(rf"\b{setting.partition('=')[0]}\b", known)

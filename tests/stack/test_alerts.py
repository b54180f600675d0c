"""The rules of Prometheus: each alert fires when it should, is silent when all is well, and says what to
do."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.metrics import documented

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
CASES = Path(__file__).with_name("alerts.test.yml")
# Of the exporters of PostgreSQL, Redis, the host and the certificate, and of scripts/backup.
FOREIGN = {
    "pg_up", "pg_stat_database_deadlocks", "pg_replication_is_replica", "pg_replication_lag_seconds",
    "redis_up", "redis_memory_used_bytes", "redis_memory_max_bytes",
    "node_filesystem_avail_bytes", "node_filesystem_size_bytes",
    "probe_success", "probe_ssl_earliest_cert_expiry", "up",
    "parterre_backup_last_success_timestamp_seconds",
}  # fmt: skip
NEEDS_PROMTOOL = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="no promtool here (apt install prometheus, or scripts/monitoring-check --install)",
)
TABLES = {
    "Of every process", "Of each service's API", "event-service", "auth-service",
    "Relays and maintenance", "notification-service", "Worker", "Beat",
}  # fmt: skip


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False
    )


def run_cases(folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """The cases, with rules without runbooks; ``changes`` replace the expression of an alert."""
    changed = rules()
    for rule in changed:
        del rule["annotations"]["runbook"]
        rule["expr"] = changes.get(rule["alert"], rule["expr"])
    document = {"groups": [{"name": "parterre", "rules": changed}]}
    (folder / "alerts.yml").write_text(yaml.safe_dump(document))
    shutil.copy(CASES, folder)
    return promtool("test", "rules", CASES.name, cwd=folder)


@NEEDS_PROMTOOL
def test_each_alert_fires_in_its_case_and_none_when_all_is_well(tmp_path: Path) -> None:
    done = run_cases(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@NEEDS_PROMTOOL
@pytest.mark.parametrize("expression", ["vector(1) == 0", "vector(1)"], ids=["never", "always"])
def test_control_an_alert_that_fires_never_or_always_is_found(
    tmp_path: Path, expression: str
) -> None:
    done = run_cases(tmp_path, BrokerFull=expression)
    assert done.returncode != 0
    assert "BrokerFull" in done.stdout + done.stderr


def test_each_alert_has_a_case_and_is_looked_at_when_all_is_well() -> None:
    cases = yaml.safe_load(CASES.read_text())["tests"]
    names = [rule["alert"] for rule in rules()]
    quiet, *firing = cases
    assert {case["alertname"] for case in quiet["alert_rule_test"]} == set(names)
    assert sorted(case["name"] for case in firing) == sorted(names)
    for case in firing:
        [check] = case["alert_rule_test"]
        assert check["alertname"] == case["name"]
        assert check["exp_alerts"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_alert_says_what_is_so_what_it_means_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "warn")
    assert rule["annotations"]["summary"].endswith(".")
    runbook = rule["annotations"]["runbook"]
    assert "Look at " in runbook
    assert "Do: " in runbook
    # What it means stands before both.
    assert runbook.index("Look at ") > 10
    # On a host Compose alone knows neither the release nor the files that it consists of.
    assert "docker compose" not in runbook
    for script in re.findall(r"\./(scripts/\w+)", runbook):
        assert (ROOT / script).exists(), script


def unknown_metrics(expression: str) -> set[str]:
    text = re.sub(r'\{[^}]*\}|"[^"]*"|\b(?:by|without)\s*\([^)]*\)', "", expression)
    words = set(re.findall(r"\b[a-z]+_\w+(?![\w(])", text))
    described = documented(*TABLES)
    return words - set(described) - {f"{name}_bucket" for name in described} - FOREIGN


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_metric_of_an_alert_is_one_that_somebody_shows(rule: dict[str, Any]) -> None:
    """Those of others are shown to the real Prometheus of tests/system/test_alerts.py."""
    assert unknown_metrics(rule["expr"]) == set()


@pytest.mark.parametrize("name", ["pg_upp", "seats_sold_total", "outbox_messages_published_bucket"])
def test_control_a_metric_that_nobody_shows_is_found(name: str) -> None:
    expression = f'sum by (job) (rate({name}{{job="x"}}[5m])) > 0 and max(pg_up) == 1'
    assert unknown_metrics(expression) == {name}


@NEEDS_PROMTOOL
def test_prometheus_can_read_its_configuration(tmp_path: Path) -> None:
    for file in ("prometheus.yml", "alerts.yml"):
        shutil.copy(MONITORING / file, tmp_path)
    done = promtool("check", "config", "prometheus.yml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("tls", "shows_end"),
    [("automatic", True), ("files", True), ("internal", False), ("off", False)],
)
def test_the_end_of_a_certificate_is_shown_where_somebody_looks_after_it(
    tmp_path: Path, tls: str, shows_end: bool
) -> None:
    """The gateway's own authority makes certificates for hours, again and again."""
    file = tmp_path / "blackbox.yml"
    environment = {
        "PATH": os.environ["PATH"], "TLS": tls, "PUBLIC_HOST": "tickets.example",
        "CONFIGURATION": str(file),
    }  # fmt: skip
    script = ["sh", str(MONITORING / "blackbox.sh"), "--only-write"]
    subprocess.run(script, env=environment, check=True)
    modules = yaml.safe_load(file.read_text())["modules"]
    asked = {
        job["job_name"]: job["params"]["module"]
        for job in yaml.safe_load((MONITORING / "prometheus.yml").read_text())["scrape_configs"]
        if job.get("metrics_path") == "/probe"
    }
    assert asked == {"gateway": ["site"], "certificate": ["tls"]}
    # Nobody listens at the port for TLS where there is none.
    assert modules.keys() == ({"site"} if tls == "off" else {"site", "tls"})
    assert modules.get("tls", {}).get("tcp", {}).get("tls", False) is shows_end
    if shutil.which("prometheus-blackbox-exporter"):
        check = ["prometheus-blackbox-exporter", f"--config.file={file}", "--config.check"]
        subprocess.run(check, check=True, capture_output=True)


@pytest.mark.parametrize("file", ["docker-compose.yml", "docker-compose.override.yml"])
def test_who_asks_for_the_certificate_knows_whether_there_is_one(file: str) -> None:
    services = yaml.safe_load((ROOT / file).read_text())["services"]
    asking, answering = (services[name]["environment"] for name in ("blackbox-exporter", "gateway"))
    assert asking["TLS"] == answering["TLS"]


def test_each_process_that_shows_metrics_is_asked() -> None:
    jobs = {
        job["job_name"]
        for job in yaml.safe_load((MONITORING / "prometheus.yml").read_text())["scrape_configs"]
    }
    assert {
        "auth", "event", "notification", "auth-relay", "event-relay", "notification-worker",
        "notification-maintenance", "notification-beat",
    } <= jobs  # fmt: skip

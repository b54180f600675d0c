"""A real Prometheus with its exporters beside a stack, with the rules of deploy/monitoring and short
intervals."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from stack.ports import free_port
from stack.postgres import BINARIES
from stack.programs import WITHOUT_HTTP, metrics_port
from stack.services import SERVICES
from stack.stack import Stack
from tests.processes import OneProcess
from tests.system.people import wait_until
from tests.system.site import HOST, Site

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
PROGRAMS = (
    "prometheus",
    *(f"prometheus-{name}-exporter" for name in ("postgres", "redis", "node", "blackbox")),
)
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
# Long enough for two scrapes on a busy machine.
SHORT_RANGE = "20s"
# Of the role that deploy/postgres/monitoring-role.sh makes.
MONITORING_PASSWORD = "statistics-and-nothing-else"


def shorten(expression: str) -> str:
    return re.sub(r"\[\d+m\]", f"[{SHORT_RANGE}]", expression)


# The collector "replication" of the exporter that docker-compose.yml names; Debian's is older and has none.
REPLICATION = """
pg_replication:
  query: >-
    SELECT CASE WHEN NOT pg_is_in_recovery() THEN 0
    WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
    ELSE GREATEST(0, EXTRACT(EPOCH FROM (now() - pg_last_xact_replay_timestamp()))) END AS lag_seconds,
    CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END AS is_replica
  metrics:
    - lag_seconds: {usage: GAUGE, description: Replication lag behind primary in seconds}
    - is_replica: {usage: GAUGE, description: Indicates if this host is a replica}
"""


class Prometheus:
    """``textfiles``: the folder in which scripts/backup leaves its time. ``site``: what is asked in the
    gateway's place. ``standby_port``: where the exporter of a second PostgreSQL is looked for."""

    def __init__(self, url: str, textfiles: Path, site: Site, standby_port: int) -> None:
        self.url = url
        self.textfiles = textfiles
        self.site = site
        self.standby_port = standby_port

    def ask(self, path: str, **query: Any) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=query, timeout=10).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def firing(self, **labels: str) -> set[str]:
        """Names of alerts that fire, with these labels beside others."""
        alerts = self.ask("alerts")["alerts"]
        return {
            one["labels"]["alertname"]
            for one in alerts
            if one["state"] == "firing" and labels.items() <= one["labels"].items()
        }

    def wait_for(self, alert: str, *, seconds: float = 60, **labels: str) -> None:
        fires = lambda: alert in self.firing(**labels)  # noqa: E731
        wait_until(fires, seconds=seconds, what=f"{alert}, which fires")

    def wait_for_silence(self, *alerts: str) -> None:
        silent = lambda: not self.firing() & set(alerts)  # noqa: E731
        wait_until(silent, seconds=90, what=f"silence of {alerts}")


def _targets(stack: Stack, exporters: dict[str, int]) -> dict[str, int]:
    """The port of each job of deploy/monitoring/prometheus.yml."""
    return {
        **{service.name: stack.ports[service.name] for service in SERVICES},
        **{name: stack.ports[metrics_port(name)] for name in WITHOUT_HTTP},
        **exporters,
    }


def _exporters(stack: Stack, textfiles: Path) -> dict[str, tuple[list[str], dict[str, str]]]:
    ports, secrets = stack.ports, stack.secrets
    found: dict[str, tuple[list[str], dict[str, str]]] = {
        "postgres": postgres_exporter(ports["postgres"], MONITORING_PASSWORD),
        "blackbox": (
            ["sh", str(MONITORING / "blackbox.sh")],
            {
                "BLACKBOX": "prometheus-blackbox-exporter", "TLS": "files", "PUBLIC_HOST": HOST,
                "CONFIGURATION": str(textfiles.parent / "blackbox.yml"),
            },
        ),
        "host": (
            ["prometheus-node-exporter", "--collector.disable-defaults", "--collector.filesystem",
             "--collector.textfile", f"--collector.textfile.directory={textfiles}"],
            {},
        ),
    }  # fmt: skip
    for name in ("redis-broker", "redis-cache"):
        environment = {
            "REDIS_ADDR": f"redis://127.0.0.1:{ports[name]}",
            "REDIS_PASSWORD": secrets[name],
        }
        found[name] = (["prometheus-redis-exporter"], environment)
    return found


def make_monitoring_role(
    port: int, administrator: str, folder: Path, password: str = MONITORING_PASSWORD
) -> None:
    """As the container monitoring-role does."""
    passwords = {"postgres": administrator, "monitoring_database": password}
    for name, value in passwords.items():
        (folder / f"{name}_password").write_text(f"{value}\n")
    environment = {
        "PATH": f"{BINARIES}:{os.environ['PATH']}", "SECRETS_FOLDER": str(folder),
        "PGHOST": "127.0.0.1", "PGPORT": str(port),
    }  # fmt: skip
    script = ROOT / "deploy" / "postgres" / "monitoring-role.sh"
    subprocess.run(["sh", script], env=environment, check=True)


def postgres_exporter(port: int, password: str, *options: str) -> tuple[list[str], dict[str, str]]:
    """Command and environment."""
    url = f"postgresql://monitoring:{password}@127.0.0.1:{port}/postgres?sslmode=disable"
    return ["prometheus-postgres-exporter", *options], {"DATA_SOURCE_NAME": url}


@contextmanager
def running_prometheus(stack: Stack, folder: Path) -> Iterator[Prometheus]:
    textfiles = folder / "textfiles"
    textfiles.mkdir()
    with ExitStack() as running:

        def start(command: list[str], environment: dict[str, str], log: str) -> OneProcess:
            process = OneProcess(command, environment, folder / f"{log}.log")
            running.callback(process.end)
            return process

        exporters = {}
        make_monitoring_role(stack.ports["postgres"], stack.secrets["postgres"], folder)
        for name, (command, environment) in _exporters(stack, textfiles).items():
            exporters[name] = free_port()
            listen = f"--web.listen-address=127.0.0.1:{exporters[name]}"
            start([*command, listen], environment, name)
        site = Site(folder)
        running.callback(site.close)
        blackbox, exporters["postgres-standby"] = exporters.pop("blackbox"), free_port()
        jobs = [*_jobs(_targets(stack, exporters)), *_probes(site, blackbox)]
        _write_configuration(folder, jobs)
        port = free_port()
        start(
            ["prometheus", f"--config.file={folder / 'prometheus.yml'}",
             f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"],
            {}, "prometheus",
        )  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        prometheus = Prometheus(url, textfiles, site, exporters["postgres-standby"])
        wait_until(lambda: _is_ready(prometheus), seconds=30, what="Prometheus")
        yield prometheus


def _is_ready(prometheus: Prometheus) -> bool:
    try:
        return httpx.get(f"{prometheus.url}/-/ready").status_code == 200
    except httpx.HTTPError:
        return False


def _jobs(targets: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        for name, port in targets.items()
    ]


def _probes(site: Site, blackbox: int) -> list[dict[str, Any]]:
    """The jobs of deploy/monitoring/prometheus.yml that ask through the blackbox exporter."""
    jobs = yaml.safe_load((MONITORING / "prometheus.yml").read_text())["scrape_configs"]
    probes: list[dict[str, Any]] = [job for job in jobs if job.get("metrics_path") == "/probe"]
    for job in probes:
        job["static_configs"][0]["targets"] = [site.targets[job["job_name"]]]
        job["relabel_configs"][-1]["replacement"] = f"127.0.0.1:{blackbox}"
    return probes


def _write_configuration(folder: Path, jobs: list[dict[str, Any]]) -> None:
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["expr"] = shorten(rule["expr"])
            rule.pop("for", None)
    (folder / "alerts.yml").write_text(yaml.safe_dump(rules))
    configuration = {
        "global": {
            "scrape_interval": "1s", "scrape_timeout": "900ms", "evaluation_interval": "1s",
        },
        "rule_files": ["alerts.yml"],
        "scrape_configs": jobs,
    }  # fmt: skip
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))

"""A real Prometheus with its exporters beside a stack, with the rules of deploy/monitoring and short
intervals."""

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from stack.ports import free_port
from stack.programs import WITHOUT_HTTP, metrics_port
from stack.services import SERVICES
from stack.stack import Stack
from tests.processes import OneProcess
from tests.system.people import wait_until

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
PROGRAMS = (
    "prometheus",
    *(f"prometheus-{name}-exporter" for name in ("postgres", "redis", "node")),
)
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
# Long enough for two scrapes on a busy machine.
SHORT_RANGE = "20s"


def shorten(expression: str) -> str:
    return re.sub(r"\[\d+m\]", f"[{SHORT_RANGE}]", expression)


class Prometheus:
    """``textfiles``: the folder in which scripts/backup leaves its time."""

    def __init__(self, url: str, textfiles: Path, process: OneProcess) -> None:
        self.url = url
        self.textfiles = textfiles
        self.process = process

    def ask(self, path: str, **query: Any) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=query, timeout=10).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def firing(self) -> set[str]:
        alerts = self.ask("alerts")["alerts"]
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}

    def wait_for(self, alert: str) -> None:
        wait_until(lambda: alert in self.firing(), seconds=60, what=f"{alert}, which fires")

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
    address = f"postgres:{secrets['postgres']}@127.0.0.1:{ports['postgres']}/postgres"
    found: dict[str, tuple[list[str], dict[str, str]]] = {
        "postgres": (
            ["prometheus-postgres-exporter"],
            {"DATA_SOURCE_NAME": f"postgresql://{address}?sslmode=disable"},
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
        for name, (command, environment) in _exporters(stack, textfiles).items():
            exporters[name] = free_port()
            listen = f"--web.listen-address=127.0.0.1:{exporters[name]}"
            start([*command, listen], environment, name)
        _write_configuration(folder, _targets(stack, exporters))
        port = free_port()
        process = start(
            ["prometheus", f"--config.file={folder / 'prometheus.yml'}",
             f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"],
            {}, "prometheus",
        )  # fmt: skip
        prometheus = Prometheus(f"http://127.0.0.1:{port}", textfiles, process)
        wait_until(lambda: _is_ready(prometheus), seconds=30, what="Prometheus")
        yield prometheus


def _is_ready(prometheus: Prometheus) -> bool:
    try:
        return httpx.get(f"{prometheus.url}/-/ready").status_code == 200
    except httpx.HTTPError:
        return False


def _write_configuration(folder: Path, targets: dict[str, int]) -> None:
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
        "scrape_configs": [
            {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
            for name, port in targets.items()
        ],
    }  # fmt: skip
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))

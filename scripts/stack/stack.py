"""The stack: everything that ``./scripts/up`` runs."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

from stack import process_group, programs
from stack.environment import Environments, passed_on, read_secrets
from stack.errors import StackError
from stack.ports import free_port, remembered_ports, require_free
from stack.postgres import Postgres
from stack.process_group import ProcessGroup, Say
from stack.redis import Redis
from stack.services import SERVICES

ROOT = Path(__file__).resolve().parents[2]

CHOSEN_PORTS = {
    **{service.name: (service.port, service.port_variable) for service in SERVICES},
    "flower": (5555, "FLOWER_PORT"),
    "smtp": (1025, "MAILBOX_SMTP_PORT"),
    "mailbox": (8025, "MAILBOX_PORT"),
}
HIDDEN_PORTS = [
    "postgres",
    "redis-broker",
    "redis-cache",
    *map(programs.metrics_port, programs.WITHOUT_HTTP),
]
# What ``--fresh`` keeps: logs, and what says who is at work here, which is written before.
KEPT_WHEN_FRESH = ("log", "run", "lock", "venv.lock", "venv.lock.d")


class Stack(ProcessGroup):
    """All processes below one folder. As a library for tests: ``Stack(folder, free_ports=True)``.

    ``settings`` are environment variables for every service, beside those that people may set.
    """

    def __init__(
        self,
        var: Path,
        *,
        settings: Mapping[str, str] | None = None,
        caller: Mapping[str, str] | None = None,
        free_ports: bool = False,
        durable: bool = True,
        say: Say = lambda _: None,
    ) -> None:
        super().__init__(var, cwd=ROOT, stop_order=programs.STOP_ORDER, say=say)
        self.var = var
        self.ports: dict[str, int] = {}
        self._settings = settings or {}
        self._caller = caller or {}
        self._free_ports = free_ports
        self._durable = durable

    def start(self) -> None:
        """Returns when all is ready. Raises StackError; what has started is stopped again."""
        end_leftovers(self.var)
        self.ports = self._choose_ports()
        self.secrets = read_secrets(self.var / "secrets.json")
        chosen = passed_on(self._caller) | dict(self._settings)
        self.environments = Environments(self.ports, self.secrets, chosen)
        try:
            self._start_servers()
            self._say("Migrating the three databases ...")
            self.run_to_end(programs.migrations(self.environments))
            self._say("Starting the services, relays, worker, beat and Flower ...")
            self._start_services()
        except BaseException:
            self.stop()
            raise

    def url(self, name: str) -> str:
        return self.environments.url(name)

    def _choose_ports(self) -> dict[str, int]:
        ports = remembered_ports(self.var / "ports.json", HIDDEN_PORTS)
        for name, (standard, variable) in CHOSEN_PORTS.items():
            if self._free_ports:
                ports[name] = free_port(besides=ports.values())
                continue
            wish = self._caller.get(variable) or self._by_old_name(variable) or str(standard)
            if not wish.isdigit() or not 0 < int(wish) < 65536:
                raise StackError(f"{variable}={wish} is no port; give a number up to 65535.")
            require_free(int(wish), what=name, variable=variable)
            if int(wish) in ports.values():
                raise StackError(f"Port {wish} is to serve two: choose another in {variable}.")
            ports[name] = int(wish)
        return ports

    def _by_old_name(self, variable: str) -> str:
        """``SMTP_PORT`` was the mailbox's in the release before; it is the mail server's now."""
        wish = self._caller.get("SMTP_PORT", "")
        if variable != "MAILBOX_SMTP_PORT" or not wish or self._caller.get("SMTP_HOST"):
            return ""
        self._say("SMTP_PORT of the mailbox is now called MAILBOX_SMTP_PORT: rename it")
        return wish

    def _start_servers(self) -> None:
        self._say("Starting PostgreSQL, Redis and the mailbox ...")
        keys, ports = self.secrets, self.ports
        postgres = Postgres(
            self.var / "postgres",
            port=ports["postgres"],
            password=keys["postgres"],
            durable=self._durable,
        )
        postgres.initialise()
        servers = [postgres.program(), programs.mailbox(ports)]
        for name in ("redis-broker", "redis-cache"):
            is_broker = name == "redis-broker"
            redis = Redis(
                name, self.var / name, port=ports[name], password=keys[name], is_broker=is_broker
            )
            servers.append(redis.program())
        self.start_all(servers)
        passwords = {s.database: keys[f"{s.name}-database"] for s in SERVICES}
        asyncio.run(postgres.create_databases(passwords))

    def _start_services(self) -> None:
        shutil.rmtree(self.var / "worker-metrics", ignore_errors=True)
        self.start_all(programs.services(self.environments, self.ports, self.var))


def end_leftovers(var: Path) -> int:
    return process_group.end_leftovers(var / "run", last=programs.DATA_SERVERS)


def delete_data(var: Path) -> None:
    """Removes the data of a stack that does not run, and first ends what may be left of it."""
    end_leftovers(var)
    for child in var.iterdir() if var.exists() else ():
        if child.name in KEPT_WHEN_FRESH:
            continue
        if child.is_dir():
            shutil.rmtree(child)
        else:
            child.unlink()

"""The stack: everything that ``./scripts/up`` runs."""

import asyncio
import os
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from stack import group, programs
from stack.environment import Environments, Secrets, passed_on
from stack.errors import StackError
from stack.group import Group, Say
from stack.ports import RememberedPorts, free_port, require_free
from stack.postgres import Postgres
from stack.processes import Process, Program
from stack.redis import Redis
from stack.services import SERVICES

ROOT = Path(__file__).resolve().parents[2]

CHOSEN_PORTS = {
    **{service.name: (service.port, service.port_variable) for service in SERVICES},
    "flower": (5555, "FLOWER_PORT"),
    "smtp": (1025, "SMTP_PORT"),
    "mailbox": (8025, "MAILBOX_PORT"),
}
HIDDEN_PORTS = ["postgres", "redis-broker", "redis-cache"]


class Stack:
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
        self.var = var
        self.group = Group(var, cwd=ROOT, stop_order=programs.STOP_ORDER, say=say)
        self._say = say
        self._settings = settings or {}
        self._caller = caller or {}
        self._free_ports = free_ports
        self._durable = durable
        self.ports: dict[str, int] = {}

    def start(self) -> None:
        """Returns when all is ready. Raises StackError; what has started is stopped again."""
        end_leftovers(self.var)
        self.ports = self._choose_ports()
        self.secrets = Secrets(self.var / "secrets.json")
        chosen = passed_on(self._caller) | dict(self._settings)
        self.environments = Environments(self.ports, self.secrets, chosen)
        try:
            self._start_servers()
            self._say("Migrating the three databases ...")
            self.group.run_to_end(programs.migrations(self.environments))
            self._start_services()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self.group.stop()

    @property
    def log_dir(self) -> Path:
        return self.group.log_dir

    @property
    def processes(self) -> Mapping[str, Process]:
        return self.group.processes

    def without(self, name: str) -> AbstractContextManager[None]:
        """Stops one process for the time of a block."""
        return self.group.without(name)

    def url(self, name: str) -> str:
        return self.environments.url(name)

    def _choose_ports(self) -> dict[str, int]:
        ports = RememberedPorts(self.var / "ports.json").take(HIDDEN_PORTS)
        for name, (standard, variable) in CHOSEN_PORTS.items():
            if self._free_ports:
                ports[name] = free_port(besides=ports.values())
                continue
            wish = self._caller.get(variable, str(standard))
            if not wish.isdigit() or not 0 < int(wish) < 65536:
                raise StackError(f"{variable}={wish} is no port; give a number up to 65535.")
            require_free(int(wish), what=name, variable=variable)
            if int(wish) in ports.values():
                raise StackError(f"Port {wish} is to serve two: choose another in {variable}.")
            ports[name] = int(wish)
        return ports

    def _start_servers(self) -> None:
        self._say("Starting PostgreSQL, Redis and the mailbox ...")
        postgres = Postgres(
            self.var / "postgres",
            port=self.ports["postgres"],
            password=self.secrets["postgres"],
            durable=self._durable,
        )
        postgres.initialise()
        names = ("redis-broker", "redis-cache")
        redises = [
            Redis(
                name,
                self.var / name,
                port=self.ports[name],
                password=self.secrets[name],
                is_broker=name == "redis-broker",
            )
            for name in names
        ]
        mailbox = programs.mailbox(self.ports)
        servers = [postgres.program(), *(server.program() for server in redises), mailbox]
        self._start_all(servers)
        passwords = {s.database: self.secrets[f"{s.name}-database"] for s in SERVICES}
        asyncio.run(postgres.create_databases(passwords))

    def _start_services(self) -> None:
        self._say("Starting the services, relays, worker, beat and Flower ...")
        self._start_all(programs.services(self.environments, self.ports, self.var))

    def _start_all(self, wanted: list[Program]) -> None:
        self.group.start(wanted)


def end_leftovers(var: Path) -> int:
    return group.end_leftovers(var / "run", last=programs.DATA_SERVERS)


# Logs, and what says who is at work here: the supervisor's own record is written before.
NEVER_FORGOTTEN = ("log", "run", "lock", "venv.lock", "venv.lock.d")


def forget(var: Path) -> None:
    """Removes the data of a stack that does not run, and first ends what may be left of it."""
    end_leftovers(var)
    for child in var.iterdir() if var.exists() else ():
        if child.name in NEVER_FORGOTTEN:
            continue
        if child.is_dir():
            shutil.rmtree(child)
        else:
            child.unlink()


def free_megabytes(folder: Path) -> int:
    usage = os.statvfs(folder)
    return usage.f_bavail * usage.f_frsize // 1_048_576

"""The stack: everything that ``./scripts/up`` runs, started in order, watched, stopped in order."""

import asyncio
import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stack import programs
from stack.environment import Environments, Secrets, passed_on
from stack.errors import StackError
from stack.ports import RememberedPorts, free_port, require_free
from stack.postgres import Postgres
from stack.processes import Process, Program, end_recorded
from stack.redis import Redis
from stack.services import SERVICES

ROOT = Path(__file__).resolve().parents[2]
WATCH_SECONDS = 0.5
MAX_RESTART_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0

CHOSEN_PORTS = {
    **{service.name: (service.port, service.port_variable) for service in SERVICES},
    "flower": (5555, "FLOWER_PORT"),
    "smtp": (1025, "SMTP_PORT"),
    "mailbox": (8025, "MAILBOX_PORT"),
}
HIDDEN_PORTS = ["postgres", "redis-broker", "redis-cache"]

Say = Callable[[str], None]


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
        self._settings = settings or {}
        self._caller = caller or {}
        self._free_ports = free_ports
        self._durable = durable
        self._say = say
        self.processes: dict[str, Process] = {}
        self.ports: dict[str, int] = {}
        self._stopping = threading.Event()
        self._paused: set[str] = set()
        for folder in (self.run_dir, self.log_dir):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def run_dir(self) -> Path:
        return self.var / "run"

    @property
    def log_dir(self) -> Path:
        return self.var / "log"

    def start(self) -> None:
        """Starts everything and returns when all is ready. Raises StackError, and stops again."""
        end_leftovers(self.run_dir)
        self.ports = self._choose_ports()
        self.secrets = Secrets(self.var / "secrets.json")
        chosen = passed_on(self._caller) | dict(self._settings)
        self.environments = Environments(self.ports, self.secrets, chosen)
        try:
            self._start_servers()
            self._migrate()
            self._start_services()
        except BaseException:
            self.stop()
            raise

    def _choose_ports(self) -> dict[str, int]:
        ports = RememberedPorts(self.var / "ports.json").take(HIDDEN_PORTS)
        for name, (standard, variable) in CHOSEN_PORTS.items():
            if self._free_ports:
                ports[name] = free_port()
                continue
            wish = self._caller.get(variable, str(standard))
            if not wish.isdigit() or not 0 < int(wish) < 65536:
                raise StackError(f"{variable}={wish} is no port; give a number up to 65535.")
            ports[name] = int(wish)
            require_free(ports[name], what=name, variable=variable)
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
        self._start_all(
            [postgres.program(), *(r.program() for r in redises), programs.mailbox(self.ports)]
        )
        passwords = {s.database: self.secrets[f"{s.name}-database"] for s in SERVICES}
        asyncio.run(postgres.create_databases(passwords))

    def _migrate(self) -> None:
        self._say("Migrating the three databases ...")
        migrations = programs.migrations(self.environments)
        running = [self._process(program) for program in migrations]
        for process in running:
            process.start()
        for process in running:
            code = process.wait_for_end()
            if code:
                raise StackError(f"{process.name} failed.\n{process.tail()}")

    def _start_services(self) -> None:
        self._say("Starting the services, relays, worker, beat and Flower ...")
        self._start_all(programs.services(self.environments, self.ports, self.var))

    def _start_all(self, group: list[Program]) -> None:
        started = [self._process(program) for program in group]
        for process in started:
            self.processes[process.name] = process
            process.start()
        with ThreadPoolExecutor(len(started)) as pool:
            list(pool.map(Process.wait_until_ready, started))

    def _process(self, program: Program) -> Process:
        return Process(program, run_dir=self.run_dir, log_dir=self.log_dir, cwd=ROOT)

    def url(self, name: str) -> str:
        return self.environments.url(name)

    def watch(self, *, until: threading.Event) -> None:
        """Starts again what ends by itself, after a pause that grows while it keeps ending."""
        pauses: dict[str, float] = {}
        due: dict[str, float] = {}
        while not until.wait(WATCH_SECONDS):
            for name, process in self.processes.items():
                if process.is_running() or name in self._paused:
                    continue
                now = time.monotonic()
                if name not in due:
                    steady = now - process.started_at > STEADY_SECONDS
                    pause = 0.0 if steady else pauses.get(name, 0.0)
                    pauses[name] = min(max(1.0, pause * 2), MAX_RESTART_PAUSE_SECONDS)
                    due[name] = now + pause
                    self._say(f"{name} ended; starting it again in {pause:.0f} s ({process.log}).")
                elif now >= due[name]:
                    del due[name]
                    process.start()

    @contextlib.contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Stops one process for the time of a block."""
        process = self.processes[name]
        self._paused.add(name)
        process.stop()
        try:
            yield
        finally:
            process.start()
            process.wait_until_ready()
            self._paused.discard(name)

    def stop(self) -> None:
        """In the order in which nothing is cut off: first what takes requests, the data last."""
        last = ("mailbox", "redis-cache", "redis-broker", "postgres")
        first = [process for name, process in self.processes.items() if name not in last]
        if first:
            with ThreadPoolExecutor(len(first)) as pool:
                list(pool.map(Process.stop, first))
        for name in last:
            if name in self.processes:
                self.processes[name].stop()


def end_leftovers(run_dir: Path) -> int:
    """Ends what an earlier stack of this folder has left, data servers last; how many."""
    records = sorted(
        run_dir.glob("*.json"), key=lambda file: file.stem in ("redis-broker", "postgres")
    )
    return sum(end_recorded(record) for record in records if record.stem != "supervisor")


def forget(var: Path) -> None:
    """Removes the data of a stack that does not run."""
    for child in var.iterdir() if var.exists() else ():
        if child.name in ("log", "lock"):
            continue
        if child.is_dir():
            shutil.rmtree(child)
        else:
            child.unlink()


def free_megabytes(folder: Path) -> int:
    usage = os.statvfs(folder)
    return usage.f_bavail * usage.f_frsize // 1_048_576

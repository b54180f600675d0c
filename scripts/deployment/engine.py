"""Docker and Docker Compose as commands, with time limits and errors that say what went wrong."""

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deployment.configuration_text import services_and_networks
from deployment.errors import CommandFailed
from deployment.layout import Layout

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
ONE_OFF_LABEL = "com.docker.compose.oneoff"
OUTPUT_LINES_OF_ERROR = 12


@dataclass(frozen=True)
class Container:
    """A container of the project. ``health`` is empty where there is no health check."""

    id: str
    name: str
    service: str
    image: str
    image_id: str
    status: str
    health: str
    exit_code: int
    is_one_off: bool
    restarts: int = 0
    cpu_shares: int = 0
    # Of processors, the most that it may use; 0 if there is no limit.
    cpus: float = 0.0
    # The most memory that it may use, in bytes; 0 if there is no limit.
    memory: int = 0
    # Command line of the health check, empty if there is none.
    check: tuple[str, ...] = ()
    # Those that it is on, and of these those on which it has its service's name.
    networks: tuple[str, ...] = ()
    named_on: tuple[str, ...] = ()

    @property
    def is_running(self) -> bool:
        return self.status == "running"

    @property
    def is_healthy(self) -> bool:
        return self.is_running and self.health in ("healthy", "")

    @classmethod
    def from_inspect(cls, inspected: dict[str, Any]) -> "Container":
        """From one element of ``docker inspect``."""
        labels = inspected["Config"].get("Labels") or {}
        state = inspected["State"]
        limits = inspected.get("HostConfig") or {}
        service = labels.get(SERVICE_LABEL, "")
        networks = (inspected.get("NetworkSettings") or {}).get("Networks") or {}
        return cls(
            id=inspected["Id"],
            name=inspected["Name"].lstrip("/"),
            service=service,
            image=inspected["Config"]["Image"],
            image_id=inspected["Image"],
            status=state["Status"],
            health=(state.get("Health") or {}).get("Status", ""),
            exit_code=state.get("ExitCode", 0),
            is_one_off=labels.get(ONE_OFF_LABEL, "False") == "True",
            restarts=inspected.get("RestartCount", 0),
            check=_check_command(inspected["Config"].get("Healthcheck") or {}),
            cpu_shares=limits.get("CpuShares", 0),
            cpus=limits.get("NanoCpus", 0) / 1e9,
            memory=limits.get("Memory", 0),
            networks=tuple(networks),
            named_on=tuple(
                name for name, one in networks.items() if service in (one.get("Aliases") or ())
            ),
        )


def _check_command(health_check: dict[str, Any]) -> tuple[str, ...]:
    match health_check.get("Test") or []:
        case ["CMD", *command]:
            return tuple(command)
        case ["CMD-SHELL", script]:
            return ("sh", "-c", script)
    return ()


def run(
    command: Sequence[str],
    *,
    seconds: float,
    stdin: bytes | None = None,
    environment: dict[str, str] | None = None,
    with_errors: bool = False,
    is_checked: bool = True,
    has_terminal: bool = False,
) -> str:
    """Standard output of a command (with standard error, if asked for). ``has_terminal``: it may ask
    there, and Ctrl-C ends it too.

    Raises CommandFailed if it cannot be started, takes longer than ``seconds``, or fails (unless
    that is not ``is_checked``); the error ends with the last lines of its output.
    """
    shown = " ".join(command[:2] if command[0] == "docker" else command[:1])
    try:
        done = subprocess.run(
            command,
            input=stdin if stdin is not None else b"",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if with_errors else subprocess.PIPE,
            env=environment,
            timeout=seconds,
            check=False,
            # Ctrl-C is for us: what undoes a thing is not to be ended by the second.
            start_new_session=not has_terminal,
        )
    except FileNotFoundError:
        raise CommandFailed(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired as error:
        output = _tail((error.stdout or b"") + (error.stderr or b""))
        raise CommandFailed(f"{shown} took more than {seconds:.0f} s{output}") from None
    if is_checked and done.returncode != 0:
        output = _tail((done.stdout or b"") + (done.stderr or b""))
        raise CommandFailed(f"{shown} failed with exit code {done.returncode}{output}")
    return done.stdout.decode(errors="replace")


def _tail(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()[-OUTPUT_LINES_OF_ERROR:]
    return ":\n  " + "\n  ".join(lines) if lines else ""


@functools.cache
def compose_program() -> tuple[str, ...]:
    """``docker compose`` (version 2), else ``docker-compose`` (1.29)."""
    if shutil.which("docker"):
        asked = subprocess.run(
            ["docker", "compose", "version"], capture_output=True, timeout=30, check=False
        )
        if asked.returncode == 0:
            return ("docker", "compose")
    if shutil.which("docker-compose"):
        return ("docker-compose",)
    raise CommandFailed("Docker Compose is not installed; apt install docker-compose-plugin")


class Engine:
    """The engine of this machine, for one project of Compose.

    ``version`` is the release whose Compose file and images are meant, by default the one in use.
    """

    def __init__(self, layout: Layout, version: str | None = None) -> None:
        self.layout = layout
        self.version = version or layout.version
        self._services: dict[str, list[str]] = {}

    def of_version(self, version: str) -> "Engine":
        """The same project, seen by another release's Compose file and images."""
        return type(self)(self.layout, version)

    def environment(self) -> dict[str, str]:
        """Environment of Compose: what the Compose file takes from the machine and not from ``.env``."""
        return {
            **os.environ,
            "TAG": self.version,
            "CONFIG_DIR": str(self.layout.config),
            "SETTINGS_DIR": str(self.layout.settings_folder),
            "COMPOSE_PROJECT_NAME": self.layout.project,
            "COMPOSE_IGNORE_ORPHANS": "true",
        }

    def compose_command(self, *arguments: str) -> list[str]:
        """The full command line of a Compose command, for who starts it with pipes of one's own."""
        return [
            *compose_program(),
            *("--project-directory", str(self.layout.home)),
            *("--project-name", self.layout.project),
            *("--file", str(self.layout.compose_file(self.version))),
            *arguments,
        ]

    def docker(
        self,
        *arguments: str,
        seconds: float = 60,
        stdin: bytes | None = None,
        with_errors: bool = False,
        is_checked: bool = True,
    ) -> str:
        """Output of ``docker ARGUMENTS``; raises CommandFailed as ``run`` does."""
        return run(
            ["docker", *arguments],
            seconds=seconds,
            stdin=stdin,
            with_errors=with_errors,
            is_checked=is_checked,
        )

    def compose(
        self,
        *arguments: str,
        seconds: float = 120,
        stdin: bytes | None = None,
        with_errors: bool = False,
    ) -> str:
        """Output of Compose for this project and version; raises CommandFailed as ``run`` does."""
        return run(
            self.compose_command(*arguments),
            seconds=seconds,
            stdin=stdin,
            environment=self.environment(),
            with_errors=with_errors,
        )

    def services(self) -> dict[str, list[str]]:
        """Services of this version's Compose file, each with its networks. Asked for once: a call of
        Compose takes a second."""
        if not self._services:
            self._services = services_and_networks(self.compose("config"))
        return self._services

    def inspect(self, *names: str) -> list[Container]:
        """Containers by id or name, running or not."""
        return [Container.from_inspect(one) for one in json.loads(self.docker("inspect", *names))]

    def containers(self, service: str = "", *, with_one_off: bool = False) -> list[Container]:
        """Containers of the project, running or not, oldest first; of one service, if it is named.

        They are found by the labels of Compose: versions 1 and 2 name them in different ways.
        """
        filters = [f"label={PROJECT_LABEL}={self.layout.project}"]
        if service:
            filters.append(f"label={SERVICE_LABEL}={service}")
        flags = [part for text in filters for part in ("--filter", text)]
        ids = self.docker("ps", "--all", "--quiet", "--no-trunc", *flags).split()
        if not ids:
            return []
        return [one for one in reversed(self.inspect(*ids)) if with_one_off or not one.is_one_off]

    def running(self, service: str) -> Container:
        """The running container of a service; raises CommandFailed if there is none."""
        for container in self.containers(service):
            if container.is_running:
                return container
        raise CommandFailed(f"{service} is not running; ./scripts/compose ps tells more")

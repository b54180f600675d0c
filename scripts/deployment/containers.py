"""The containers of the project: which are to be replaced, single ones that are run, ended, removed."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from deployment import processors
from deployment.engine import Container, Engine
from deployment.errors import CommandFailed
from deployment.health import Health
from deployment.services import DEFAULT_STOP_SECONDS, IMAGE_PREFIX, STOP_SECONDS, image_of
from deployment.steps import Steps


class Containers:
    """The project's containers as a deployment of ``engine.version`` changes them."""

    def __init__(
        self,
        engine: Engine,
        steps: Steps,
        *,
        is_forced: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self.steps = steps
        # Replace containers of this version, too.
        self._is_forced = is_forced
        self.sleep = sleep
        self.health = Health(engine, sleep=sleep, clock=clock)
        self._drain_seconds = math.ceil(engine.layout.number("DRAIN_SECONDS", 6))
        # Made by this run: a forced deployment does not replace them again.
        self.made: set[str] = set()

    # -- what is there

    def is_new(self, container: Container) -> bool:
        """Whether a container is as this version would start it, and need not be replaced."""
        if container.id in self.made:
            return True
        image = image_of(container.service, self.engine.version)
        return (
            # What does not run is started anew.
            container.is_running
            and not self._is_forced
            and (container.image == image or self._has_same_compose_file(container))
            and container.image_id == self.image_id(image)
        )

    def _has_same_compose_file(self, container: Container) -> bool:
        """Whether the release that started it has the same Compose file, and so the same settings."""
        layout, version = self.engine.layout, container.image.rpartition(":")[2]
        file, other = layout.compose_file(self.engine.version), layout.compose_file(version)
        return other.exists() and file.read_bytes() == other.read_bytes()

    def image_id(self, image: str) -> str:
        return self.engine.docker("image", "inspect", "--format", "{{.Id}}", image).strip()

    def try_name(self, service: str) -> str:
        """Of a single container, which nobody asks for."""
        return f"{self.engine.layout.project}-try-{service}"

    # -- single containers

    @contextmanager
    def one_off(self, service: str, *command: str, name: str = "") -> Iterator[str]:
        """A container of a service's image and settings under a name that nobody asks for.

        It has no service name on the network, so the gateway sends it nothing. Removed at the end.
        """
        name = self.try_name(name or service)
        try:
            self.engine.compose("run", "-d", "--no-deps", "--name", name, service, *command)
            processors.hold_back(self.engine, [name])
            yield name
        finally:
            self.engine.docker("rm", "--force", "--volumes", name, is_checked=False)

    def run_to_end(self, *services: str, seconds: float) -> None:
        """Run services that do one thing and end, one after another since people are served meanwhile.

        Raises CommandFailed with the output of the first that fails.
        """
        for service in services:
            with self.one_off(service) as name:
                status = self.engine.docker("wait", name, seconds=seconds).strip()
                if status != "0":
                    output = self.engine.docker("logs", name, with_errors=True).strip()
                    raise CommandFailed(f"{service} ended with exit code {status}:\n{output}")

    def stop(self, containers: Sequence[Container]) -> None:
        """SIGTERM, and time to end what has begun."""
        if containers:
            seconds = self._drain_seconds + max(
                STOP_SECONDS.get(one.service, DEFAULT_STOP_SECONDS) for one in containers
            )
            ids = [one.id for one in containers]
            self.engine.docker("stop", "--time", str(seconds), *ids, seconds=seconds + 60)

    def remove(self, containers: Sequence[Container]) -> None:
        """End and remove containers. Those that run end in order: they may be at work."""
        self.stop([one for one in containers if one.is_running])
        if containers:
            self.engine.docker("rm", "--force", "--volumes", *(one.id for one in containers))

    # -- services

    def start_missing(
        self, services: Sequence[str], on_created: Callable[[Container], None]
    ) -> None:
        """Start services that have no container at all, such as one that this version adds."""
        present = {one.service for one in self.engine.containers()}
        missing = [service for service in services if service not in present]
        if missing:
            flags = ["--no-deps", "--no-build", "--no-recreate"]
            try:
                self.engine.compose("up", "-d", *flags, *missing)
            finally:
                new = [one for one in self.engine.containers() if one.service in missing]
                for one in new:
                    on_created(one)
            self.health.wait([one.id for one in new])
            self.steps(f"{', '.join(missing)}: started")

    def remove_services_except(self, services: Sequence[str]) -> None:
        """Remove processes of ours that this version no longer has."""
        for one in self.engine.containers():
            if one.service not in services and one.image.startswith(IMAGE_PREFIX):
                self.remove([one])
                self.steps(f"{one.service}: removed, this version has no such service")

    def needs_replacement(self, services: Sequence[str]) -> bool:
        return bool(self.next_old(services, self.engine.containers()))

    def next_old(self, services: Sequence[str], present: Sequence[Container]) -> list[Container]:
        """Of each service the oldest container among those ``present`` that is to be replaced."""
        containers = [one for one in present if one.service in services]
        old = {one.service: one for one in reversed(containers) if not self.is_new(one)}
        return [old[service] for service in services if service in old]

"""Starting a new container beside an old one, and ending the old one when the new one is healthy."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from deployment import processors
from deployment.engine import Container, Engine
from deployment.errors import CommandFailed
from deployment.services import DEFAULT_STOP_SECONDS, IMAGE_PREFIX, STOP_SECONDS, image_of
from deployment.steps import Steps

# A container without a health check counts as healthy when it has run for so long.
STEADY_SECONDS = 5.0
# The gateway looks names up every second.
SETTLE_SECONDS = 2.0
POLL_SECONDS = 1.0
CHECK_SECONDS = 20.0
LOG_LINES_OF_ERROR = "8"


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
        self._sleep = sleep
        self._clock = clock
        drain_seconds = float(engine.layout.setting("DRAIN_SECONDS", "6"))
        self._start_seconds = float(engine.layout.setting("START_SECONDS", "90"))
        self._drain_seconds = math.ceil(drain_seconds)
        # Made by this run: a forced deployment does not replace them again.
        self._made: set[str] = set()

    # -- what is there

    def is_new(self, container: Container) -> bool:
        """Whether a container is as this version would start it, and need not be replaced."""
        if container.id in self._made:
            return True
        image = image_of(container.service, self.engine.version)
        return (
            not self._is_forced
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

    def _try_name(self, service: str) -> str:
        return f"{self.engine.layout.project}-try-{service}"

    def remove_leftovers(self, services: Sequence[str]) -> None:
        """Remove what an interrupted deployment has left: candidates, and containers that do not serve.

        Of a service that has no container that serves, the containers are kept.
        """
        everything = self.engine.containers(with_one_off=True)
        leftovers = [one for one in everything if one.name.startswith(self._try_name(""))]
        for service in services:
            those = [one for one in everything if one.service == service and not one.is_one_off]
            if any(one.is_healthy for one in those):
                leftovers += [one for one in those if not one.is_healthy]
        for one in leftovers:
            self.steps(f"{one.service}: removing {one.name}, left by an earlier run")
            self.remove([one])

    # -- single containers

    @contextmanager
    def one_off(self, service: str, *command: str, name: str = "") -> Iterator[str]:
        """A container of a service's image and settings under a name that nobody asks for.

        It has no service name on the network, so the gateway sends it nothing. Removed at the end.
        """
        name = self._try_name(name or service)
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

    def wait_until_healthy(self, names: Sequence[str], *, at_least_seconds: float = 0) -> None:
        """Raises CommandFailed for the first container that crashes or takes longer than START_SECONDS
        (more if several start at once), or ``at_least_seconds`` if these are more.

        Docker makes its checks some seconds apart, and calls one unhealthy that is still starting on a
        busy machine. So their own checks are made here, one after another, until each has succeeded.
        """
        start, seconds = self._clock(), self._start_seconds * processors.slowness(len(names))
        patience = max(seconds, at_least_seconds)
        while True:
            waiting = [one for one in self.engine.inspect(*names) if not self._is_up(one, start)]
            if not waiting:
                return
            if self._clock() - start > patience:
                self._fail(waiting[0], f"is not healthy after {patience:.0f} s")
            self._sleep(POLL_SECONDS)

    def _is_up(self, one: Container, start: float) -> bool:
        if one.restarts or one.status in ("exited", "dead", "restarting"):
            self._fail(one, "ended at its start")
        if not one.check:
            return one.is_running and self._clock() - start >= STEADY_SECONDS
        return one.is_running and (one.health == "healthy" or self._passes_check(one))

    def _passes_check(self, one: Container) -> bool:
        try:
            self.engine.docker("exec", one.id, *one.check, seconds=CHECK_SECONDS)
        except CommandFailed:
            return False
        return True

    def _fail(self, one: Container, what: str) -> None:
        raise CommandFailed(self.describe(one, f"new container {what}"))

    def describe(self, one: Container, what: str) -> str:
        """What happened to a container, with the last lines of its log."""
        log = self.engine.docker(
            "logs", "--tail", LOG_LINES_OF_ERROR, one.id, with_errors=True, is_checked=False
        )
        lines = "".join(f"\n  {line}" for line in log.strip().splitlines())
        code = "" if one.is_running else f" with exit code {one.exit_code}"
        return f"{one.service}: {what}{code}{lines and ':' + lines}"

    def stop(self, containers: Sequence[Container]) -> None:
        """SIGTERM, and time to end what has begun."""
        if containers:
            seconds = self._drain_seconds + max(
                STOP_SECONDS.get(one.service, DEFAULT_STOP_SECONDS) for one in containers
            )
            ids = [one.id for one in containers]
            self.engine.docker("stop", "--time", str(seconds), *ids, seconds=seconds + 60)

    def remove(self, containers: Sequence[Container]) -> None:
        """End and remove containers. Those without a health check end in order: they may be at work."""
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
            self.wait_until_healthy([one.id for one in new])
            self.steps(f"{', '.join(missing)}: started")

    def remove_services_except(self, services: Sequence[str]) -> None:
        """Remove processes of ours that this version no longer has."""
        for one in self.engine.containers():
            if one.service not in services and one.image.startswith(IMAGE_PREFIX):
                self.remove([one])
                self.steps(f"{one.service}: removed, this version has no such service")

    def needs_replacement(self, services: Sequence[str]) -> bool:
        return bool(self._next_old(services))

    def replace(self, services: Sequence[str], *, is_side_by_side: bool = True) -> None:
        """Replace the containers of services, one of each at a time.

        Old ones end when the new ones beside them are healthy; not side by side, old ones stop before
        new ones start. If it fails, new ones are removed, old ones serve on, and CommandFailed is raised.
        """
        while old := self._next_old(services):
            self._replace_once(old, is_side_by_side)

    def _next_old(self, services: Sequence[str]) -> list[Container]:
        containers = [one for one in self.engine.containers() if one.service in services]
        old = {one.service: one for one in reversed(containers) if not self.is_new(one)}
        return [old[service] for service in services if service in old]

    def _replace_once(self, old: list[Container], is_side_by_side: bool) -> None:
        names = ", ".join(one.service for one in old)
        before = self.engine.containers()
        # An interrupted run may have started the new one already.
        spare = {one.service for one in old if self._has_spare(one.service, before)}
        new: list[Container] = []
        try:
            new = self._create([one.service for one in old if one.service not in spare], before)
            if not is_side_by_side:
                self.stop(old)
            if new:
                self._start(new, old, is_side_by_side)
                self.wait_until_healthy([one.id for one in new])
                processors.give_back(self.engine, new, old)
            self.steps(f"{names}: new container is healthy")
            self._sleep(SETTLE_SECONDS if is_side_by_side else 0)
        except BaseException:
            self._undo(new or self._created_since(before), old, is_side_by_side)
            raise
        self._made.update(one.id for one in new)
        self.stop(old)
        self.engine.docker("rm", "--volumes", *(one.id for one in old))
        self.steps(f"{names}: old container has ended")

    def _has_spare(self, service: str, containers: list[Container]) -> bool:
        """Whether an interrupted run has left a healthy new container beside the old one.

        More new ones may be replicas; then one more does no harm.
        """
        those = [one for one in containers if one.service == service]
        new = [one for one in those if one.is_healthy and self.is_new(one)]
        return len(those) == 2 and any(one.id not in self._made for one in new)

    def _create(self, services: list[str], before: list[Container]) -> list[Container]:
        if not services:
            return []
        counts = {name: sum(one.service == name for one in before) for name in services}
        self._up("--no-start", {name: count + 1 for name, count in counts.items()})
        new = self._created_since(before)
        if sorted(one.service for one in new) != sorted(services):
            made = ", ".join(one.name for one in new) or "nothing"
            raise CommandFailed(f"Compose made {made} for {', '.join(services)}")
        processors.hold_back(self.engine, [one.id for one in new])
        return new

    def _up(self, flag: str, counts: dict[str, int]) -> None:
        """Have so many containers of each service. Nothing that runs is touched: no dependency, and no
        container whose settings have changed."""
        scales = [f"--scale={name}={count}" for name, count in counts.items()]
        flags = (flag, "--no-deps", "--no-recreate", "--no-build")
        self.engine.compose("up", *flags, *scales, *counts)

    def _start(self, new: list[Container], old: list[Container], is_side_by_side: bool) -> None:
        """Start what was created, on all its networks: docker-compose 1.29 connects a container to all
        but the first only when it starts it itself."""
        if is_side_by_side:
            present = [one.service for one in self.engine.containers()]
            self._up("-d", {one.service: present.count(one.service) for one in new})
            return
        # Compose would start the old one again.
        for one in new:
            [before] = [other for other in old if other.service == one.service]
            for network in sorted(self._networks(before) - self._networks(one)):
                self.engine.docker("network", "connect", "--alias", one.service, network, one.id)
        self.engine.docker("start", *(one.id for one in new))

    def _networks(self, one: Container) -> set[str]:
        names = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}"
        return set(self.engine.docker("inspect", "--format", names, one.id).split())

    def _created_since(self, before: list[Container]) -> list[Container]:
        ids = {one.id for one in before}
        return [one for one in self.engine.containers() if one.id not in ids]

    def _undo(self, new: list[Container], old: list[Container], is_side_by_side: bool) -> None:
        if new:
            self.remove(self.engine.inspect(*(one.id for one in new)))
        if not is_side_by_side:
            self.engine.docker("start", *(one.id for one in old))
        self.steps(f"{', '.join(one.service for one in old)}: new container is removed")

"""An engine in memory, at the edge where the operator's commands start ``docker`` and Compose."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from deployment.engine import Container, Engine
from deployment.errors import CommandFailed
from deployment.layout import Layout
from deployment.services import API_SERVICES, GROUPS, MIGRATIONS, PREFLIGHT, UNTOUCHED, image_of

LONG_RUNNING = [name for group in GROUPS for name in group]
SERVICES = [*UNTOUCHED, PREFLIGHT, *MIGRATIONS, *LONG_RUNNING]
# That of databases, and the one that is shared with the gateway.
NETWORKS = ("data", "inside")


@dataclass
class Machine:
    """What an engine has. ``broken`` gives a command line's error, None if it works; ``sick`` processes
    (service and version) never become healthy; ``crashing`` ones end at once. ``connected``: ids of
    containers that are on all their networks, as those that Compose has only created are if it is of
    version 2 (``connects_created``); ``unnamed``: of those that are on all without their service's name.
    """

    containers: dict[str, Container] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    services: list[str] = field(default_factory=lambda: list(SERVICES))
    sick: set[tuple[str, str]] = field(default_factory=set)
    crashing: set[tuple[str, str]] = field(default_factory=set)
    broken: Callable[[str], str | None] = lambda command: None
    connected: set[str] = field(default_factory=set)
    unnamed: set[str] = field(default_factory=set)
    connects_created: bool = False
    # Processors of a service's containers, as the Compose file limits them.
    limits: dict[str, float] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    least_serving: dict[str, int] = field(default_factory=dict)
    most_serving: dict[str, int] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def add_version(self, version: str, *, images: str = "") -> None:
        for service in API_SERVICES:
            name = image_of(service, version)
            self.images[name] = f"sha256:{images or version}-{service}"

    def serving(self, service: str) -> list[Container]:
        found = self.containers.values()
        return [
            c
            for c in found
            if c.service == service and not c.is_one_off and c.is_healthy and c.id in self.connected
        ]

    def versions(self) -> dict[str, list[str]]:
        """Tags of the containers of each service that is replaced, running or not."""
        return {
            name: [
                one.image.rpartition(":")[2]
                for one in self.containers.values()
                if one.service == name and not one.is_one_off
            ]
            for name in LONG_RUNNING
        }

    def note(self, command: str) -> None:
        """Note a command, how many serve afterwards, and raise its error if it has one."""
        self.commands.append(command)
        if problem := self.broken(command):
            raise CommandFailed(problem)

    def count(self) -> None:
        for name in LONG_RUNNING:
            now = len(self.serving(name))
            self.least_serving[name] = min(self.least_serving.get(name, now), now)
            self.most_serving[name] = max(self.most_serving.get(name, now), now)

    def create(self, service: str, version: str, *, name: str = "", is_running: bool) -> Container:
        number = next(self._numbers)
        image = "postgres:17" if service in UNTOUCHED else image_of(service, version)
        one = Container(
            id=f"id{number}",
            name=name or f"parterre-{service}-{number}",
            service=service,
            image=image,
            image_id=self.images.get(image, image),
            status="created",
            health="",
            exit_code=0,
            is_one_off=bool(name),
            check=("healthcheck",),
            cpus=self.limits.get(service, 0.0),
        )
        self.put(one)
        if is_running or self.connects_created:
            self.connected.add(one.id)
        if is_running:
            self.start(one)
        return one

    def put(self, one: Container, **changes: object) -> None:
        self.containers[one.id] = Container(**(vars(one) | changes))

    def start(self, one: Container) -> None:
        process = (one.service, one.image.rpartition(":")[2])
        if process in self.crashing:
            self.put(one, status="exited", exit_code=3)
        else:
            health = "unhealthy" if process in self.sick else "healthy"
            self.put(one, status="running", health=health)

    def find(self, name: str) -> Container:
        for one in self.containers.values():
            if name in (one.id, one.name):
                return one
        raise CommandFailed(f"no such container: {name}")


class FakeEngine(Engine):
    """``Engine`` whose commands act on a ``Machine``."""

    def __init__(self, layout: Layout, version: str | None = None, *, machine: Machine) -> None:
        super().__init__(layout, version)
        self.machine = machine

    def of_version(self, version: str) -> "FakeEngine":
        return FakeEngine(self.layout, version, machine=self.machine)

    def inspect(self, *names: str) -> list[Container]:
        assert names, "docker inspect needs a name"
        return [self._with_networks(self.machine.find(name)) for name in names]

    def _with_networks(self, one: Container) -> Container:
        back, front = (f"{self.layout.project}_{name}" for name in NETWORKS)
        is_named = one.id in self.machine.connected
        is_there = is_named or one.id in self.machine.unnamed
        return replace(
            one,
            networks=(back, front) if is_there else (back,),
            named_on=(back, front) if is_named else (back,),
        )

    def containers(self, service: str = "", *, with_one_off: bool = False) -> list[Container]:
        everything = list(self.machine.containers.values())
        return [
            self._with_networks(one)
            for one in everything
            if service in ("", one.service) and (with_one_off or not one.is_one_off)
        ]

    def docker(
        self,
        *arguments: str,
        seconds: float = 60,
        stdin: bytes | None = None,
        with_errors: bool = False,
        is_checked: bool = True,
    ) -> str:
        try:
            self.machine.note(" ".join(arguments))
            return self._act(*arguments)
        except CommandFailed:
            if is_checked:
                raise
            return ""
        finally:
            self.machine.count()

    def _act(self, command: str, *arguments: str) -> str:
        names = [word for word in arguments if not word.startswith("-")]
        match command:
            case "network" if arguments[0] == "disconnect":
                if names[-2] not in self.inspect(names[-1])[0].networks:
                    raise CommandFailed(f"container is not connected to network {names[-2]}")
                self.machine.connected.discard(names[-1])
                self.machine.unnamed.discard(names[-1])
            case "network" if "--alias" not in arguments:
                self.machine.unnamed.add(names[-1])
            case "network":
                if names[-2] in self.inspect(names[-1])[0].networks:
                    raise CommandFailed(f"endpoint already exists in network {names[-2]}")
                self.machine.connected.add(names[-1])
            case "update":
                shares, cpus, *ids = names
                for name in ids:
                    one = self.machine.find(name)
                    self.machine.put(one, cpu_shares=int(shares), cpus=float(cpus))
            case "start":
                for name in names:
                    self.machine.start(self.machine.find(name))
            case "stop":
                for name in names[1:]:
                    self.machine.put(self.machine.find(name), status="exited", health="")
            case "rm":
                for name in names:
                    del self.machine.containers[self.machine.find(name).id]
            case "wait":
                return "0\n"
            case "image" if arguments[0] == "inspect":
                if names[-1] not in self.machine.images:
                    raise CommandFailed("no such image")
                return self.machine.images[names[-1]]
            case "image" if arguments[0] == "rm":
                for image in names[1:]:
                    self.machine.images.pop(image, None)
            case "image" if arguments[0] == "ls":
                return "\n".join(self.machine.images)
            case "exec":
                one = self.machine.find(names[0])
                process = (one.service, one.image.rpartition(":")[2])
                if one.service == "gateway":
                    return "internal tickets.parterre.example\n"
                if names[1:] == ["healthcheck"] and process in self.machine.sick:
                    raise CommandFailed("not healthy")
                return "smoke: passed in 1.0 s"
        return ""

    def compose(
        self,
        *arguments: str,
        seconds: float = 120,
        stdin: bytes | None = None,
        with_errors: bool = False,
    ) -> str:
        try:
            self.machine.note(f"compose {self.version}: {' '.join(arguments)}")
            return self._compose(list(arguments))
        finally:
            self.machine.count()

    def _compose(self, arguments: list[str]) -> str:
        if arguments[0] == "config":
            networks = "    networks:\n" + "".join(f"    - {name}\n" for name in NETWORKS)
            services = "".join(f"  {name}:\n{networks}" for name in self.machine.services)
            return f"services:\n{services}version: '3.8'\n"
        if arguments[0] == "run":
            name = arguments[arguments.index("--name") + 1]
            service = arguments[arguments.index("--name") + 2]
            if any(one.name == name for one in self.machine.containers.values()):
                raise CommandFailed(f"Conflict. The container name {name} is already in use")
            is_job = service not in API_SERVICES or "sleep" in arguments
            one = self.machine.create(service, self.version, name=name, is_running=not is_job)
            if is_job:
                self.machine.put(one, status="running")
            return one.id
        assert arguments[0] == "up"
        return self._up(arguments[1:])

    def _up(self, arguments: list[str]) -> str:
        scales = dict(word.removeprefix("--scale=").split("=") for word in arguments if "=" in word)
        names = [word for word in arguments if not word.startswith("-")]
        # In an order of its own, as Compose makes them.
        for service in reversed(names or self.machine.services):
            count = len(self.containers(service))
            for _ in range(int(scales.get(service, "1")) - count):
                is_running = "--no-start" not in arguments
                self.machine.create(service, self.version, is_running=is_running)
            if "-d" in arguments:
                for one in self.containers(service):
                    self.machine.connected.add(one.id)
                    if one.status != "running":
                        self.machine.start(one)
        return ""


def write_release(layout: Layout, version: str, compose_file: str = "services: {}\n") -> None:
    folder = layout.releases / version
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "docker-compose.yml").write_text(compose_file + f"# {version}\n")

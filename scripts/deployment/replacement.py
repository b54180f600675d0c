"""Starting a new container beside an old one, and ending the old one when the new one is healthy and
has been asked."""

from collections.abc import Sequence

from deployment import processors, visitors
from deployment.containers import Containers
from deployment.engine import Container
from deployment.errors import CommandFailed
from deployment.services import API_SERVICES
from deployment.smoke import Smoke

# The gateway looks names up every second.
SETTLE_SECONDS = 2.0
# Of a container's id: its name on every network.
SHORT_ID = 12


class Replacement:
    """Replaces what is not as ``containers.engine.version`` would start it.

    With ``smoke``, new containers of APIs are asked before they get their first visitor.
    """

    def __init__(self, containers: Containers, smoke: Smoke | None = None) -> None:
        self._containers = containers
        self._smoke = smoke
        self._engine = containers.engine
        self._steps = containers.steps

    def replace(self, services: Sequence[str], *, is_side_by_side: bool = True) -> bool:
        """Replace the containers of services, one of each at a time; whether there was any to replace.

        Old ones end when all new ones beside them are healthy and have answered; not side by side, old
        ones stop before new ones start. If it fails, new ones are removed, old ones serve on, and
        CommandFailed is raised.
        """
        is_any = False
        while True:
            before = self._engine.containers()
            old = self._containers.next_old(services, before)
            if not old:
                return is_any
            is_any = True
            self._replace_once(old, before, is_side_by_side)

    def _replace_once(
        self, old: list[Container], before: list[Container], is_side_by_side: bool
    ) -> None:
        names = ", ".join(one.service for one in old)
        new: list[Container] = []
        try:
            new = self._create([one.service for one in old], before)
            if not is_side_by_side:
                self._containers.stop(old)
            self._start(new)
            self._steps(f"{names}: new container is healthy")
            for one in new:
                self._let_in(one)
            if is_side_by_side and any(one.service in visitors.ASKED for one in old):
                self._containers.sleep(SETTLE_SECONDS)
        except BaseException:
            self._undo(new or self._created_since(before), old, is_side_by_side)
            raise
        self._containers.made.update(one.id for one in new)
        self._containers.stop(old)
        self._engine.docker("rm", "--volumes", *(one.id for one in old))
        self._steps(f"{names}: old container has ended")

    def _create(self, services: list[str], before: list[Container]) -> list[Container]:
        """Containers of this version, not started yet. Nothing that runs is touched: no dependency, and
        no container whose settings have changed."""
        counts = {name: 1 + sum(one.service == name for one in before) for name in services}
        scales = [f"--scale={name}={count}" for name, count in counts.items()]
        flags = ("--no-start", "--no-deps", "--no-recreate", "--no-build")
        self._engine.compose("up", *flags, *scales, *counts)
        new = self._created_since(before)
        if sorted(one.service for one in new) != sorted(services):
            made = ", ".join(one.name for one in new) or "nothing"
            present = ", ".join(f"{o.name} ({o.status})" for o in before if o.service in services)
            raise CommandFailed(
                f"Compose made {made} for {', '.join(services)}, beside {present}; run the same command"
                " again, and if that does not help, remove what does not run: docker rm NAME"
            )
        return sorted(new, key=lambda one: services.index(one.service))

    def _start(self, new: list[Container]) -> None:
        """Start what was created, and ask what can be asked."""
        for part in processors.in_turn(new, processors.starts_at_once()):
            ids = [one.id for one in part]
            processors.hold_back(self._engine, ids)
            for one in part:
                visitors.connect_before_start(self._engine, one, self._networks(one))
            # Not by Compose, which would start an old one that has been stopped, too.
            self._engine.docker("start", *ids)
            self._containers.health.wait(ids)
            for one in part:
                if len(part) > 1 and one.service in API_SERVICES:
                    # Only one at a time is at work from now on.
                    processors.hold_back(self._engine, [one.id])
                self._ask(one)
        # The first may have ended while the last was started.
        self._containers.health.wait([one.id for one in new])

    def _ask(self, one: Container) -> None:
        if self._smoke is None or one.service not in API_SERVICES:
            return
        self._smoke.ask(one.service, one.id[:SHORT_ID])

    def _let_in(self, one: Container) -> None:
        processors.give_back(self._engine, one)
        visitors.let_in(self._engine, one, self._networks(one))

    def _networks(self, one: Container) -> set[str]:
        """All on which it is to be: those of this version's Compose file."""
        networks = self._engine.services()[one.service]
        return {f"{self._engine.layout.project}_{network}" for network in networks}

    def _created_since(self, before: list[Container]) -> list[Container]:
        ids = {one.id for one in before}
        return [one for one in self._engine.containers() if one.id not in ids]

    def _undo(self, new: list[Container], old: list[Container], is_side_by_side: bool) -> None:
        if new:
            self._containers.remove(self._engine.inspect(*(one.id for one in new)))
        if not is_side_by_side:
            self._engine.docker("start", *(one.id for one in old))
        self._steps(f"{', '.join(one.service for one in old)}: new container is removed")

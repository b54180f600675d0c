"""Which new containers are tried and replaced at the same time, by the room that the host has."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from deployment import processors
from deployment.containers import Containers
from deployment.engine import Container
from deployment.layout import Layout
from deployment.replacement import Replacement
from deployment.services import ONE_AT_A_TIME, STAGES
from deployment.smoke import Smoke

Lack = Callable[[Sequence[Container], Sequence[Container], Layout], str]


class Stages:
    """``lack`` says of containers to be replaced, and of all that run, what there is too little of for a
    second one of each.

    Where there is room, new containers start one after another all the same if there are few processors.
    What is saved is that the old ones end together.
    """

    def __init__(self, containers: Containers, lack: Lack) -> None:
        self._containers = containers
        self._engine = containers.engine
        self._steps = containers.steps
        self._lack = lack

    def try_candidates(self, services: Sequence[str], smoke: Smoke) -> None:
        """Ask a new container of each under a name that nobody asks for. Raises CommandFailed."""
        size = 1 if self._lack_for(services) else processors.starts_at_once()
        for part in processors.in_turn(services, size):
            self._try(part, smoke)

    def _try(self, services: Sequence[str], smoke: Smoke) -> None:
        with ExitStack() as stack:
            names = [stack.enter_context(self._containers.one_off(name)) for name in services]
            processors.hold_back(self._engine, names)
            self._steps(f"{', '.join(services)}: candidate is started")
            self._containers.health.wait(names)
            for service, name in zip(services, names, strict=True):
                # Only one at a time is at work from now on.
                processors.hold_back(self._engine, [name])
                smoke.candidate(service, name)

    def replace_all(self, present: Sequence[str]) -> None:
        """Replace what is not of this version, of the services that are ``present`` in it."""
        replacement = Replacement(self._containers)
        for stage in STAGES:
            groups = [[name for name in group if name in present] for group in stage]
            for group in self._with_room(groups):
                if self._containers.needs_replacement(group):
                    is_side_by_side = group[0] not in ONE_AT_A_TIME
                    replacement.replace(group, is_side_by_side=is_side_by_side)
                elif group:
                    self._steps(f"{', '.join(group)}: need no replacement")

    def _with_room(self, groups: list[list[str]]) -> list[list[str]]:
        """The groups of a stage, as one where there is room for that now."""
        together = [name for group in groups for name in group]
        if len(groups) == 1 or not self._containers.needs_replacement(together):
            return groups
        if lack := self._lack_for(together):
            self._steps(f"{', '.join(together)}: not at the same time: {lack}")
            return groups
        self._steps(f"{', '.join(together)}: at the same time, there is room")
        return [together]

    def _lack_for(self, services: Sequence[str]) -> str:
        old = self._containers.next_old(services)
        return self._lack(old, self._engine.containers(), self._engine.layout) if old else ""

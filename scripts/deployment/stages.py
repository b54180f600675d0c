"""Which new containers are asked and replaced at the same time, by the room that the host has."""

from collections.abc import Callable, Sequence

from deployment.containers import Containers
from deployment.engine import Container
from deployment.layout import Layout
from deployment.replacement import Replacement
from deployment.services import API_SERVICES, ONE_AT_A_TIME, STAGES
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

    def replace_all(self, present: Sequence[str], smoke: Smoke | None = None) -> None:
        """Replace what is not of this version, of the services that are ``present`` in it.

        With ``smoke``, each new API is asked before the first of them is replaced, so that a broken
        version changes nothing. Raises CommandFailed.
        """
        for stage in STAGES:
            groups = [[name for name in group if name in present] for group in stage]
            parts = self._with_room(groups)
            is_asked_before = smoke is not None and len(parts) > 1
            if smoke and is_asked_before:
                self._ask_one_by_one(parts, smoke)
            replacement = Replacement(self._containers, None if is_asked_before else smoke)
            for group in parts:
                is_side_by_side = not set(group) & set(ONE_AT_A_TIME)
                if group and not replacement.replace(group, is_side_by_side=is_side_by_side):
                    self._steps(f"{', '.join(group)}: need no replacement")

    def _ask_one_by_one(self, groups: Sequence[Sequence[str]], smoke: Smoke) -> None:
        """Where there is no room for a second container of each: one of each for a while, under a name
        that nobody asks for."""
        for service in (name for group in groups for name in group if name in API_SERVICES):
            if not self._containers.needs_replacement([service]):
                continue
            with self._containers.one_off(service) as name:
                self._steps(f"{service}: new container is started, nobody finds it yet")
                self._containers.health.wait([name])
                smoke.ask(service, name)

    def _with_room(self, groups: list[list[str]]) -> list[list[str]]:
        """The groups of a stage, as one where there is room for that now."""
        together = [name for group in groups for name in group]
        if len(groups) == 1:
            return groups
        present = self._engine.containers()
        old = self._containers.next_old(together, present)
        if not old:
            return groups
        if lack := self._lack(old, present, self._engine.layout):
            self._steps(f"{', '.join(together)}: not at the same time: {lack}")
            return groups
        self._steps(f"{', '.join(together)}: at the same time, there is room")
        return [together]

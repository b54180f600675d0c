"""How many containers each service has, and what a run that was interrupted has left of them.

A run writes down how many there are before it changes any, and forgets it when all is done, or undone. So
the next one knows what is one too many, whatever has ended the run before.
"""

import json
import os
from collections.abc import Sequence

from deployment import processors, visitors
from deployment.containers import Containers
from deployment.engine import Container
from deployment.errors import CommandFailed, one_line


class Replicas:
    """``numbers``: containers of each service before this run, or before those that were interrupted."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers
        self._engine = containers.engine
        self._file = containers.engine.layout.var / "replicas.json"
        self.numbers: dict[str, int] = {}

    def note(self, services: Sequence[str]) -> None:
        """Write the numbers down, unless an interrupted run has done so."""
        self._read()
        present = self._engine.containers()
        for service in services:
            those = [one for one in present if one.service == service]
            if those:
                self.numbers.setdefault(service, max(sum(map(self._has_visitors, those)), 1))
        self._file.parent.mkdir(parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(self.numbers))
        os.replace(new, self._file)

    def forget(self) -> None:
        self._file.unlink(missing_ok=True)

    def _read(self) -> None:
        if not self.numbers and self._file.exists():
            self.numbers = json.loads(self._file.read_text() or "{}")

    def put_right(self) -> None:
        """Remove single containers of an earlier run, and of each service those that are too many; start
        those that stay and have stopped.

        Those that serve stay, and of them the newest: one that is ending, which nobody can see, is older
        than the one that has taken its place.
        """
        self._read()
        everything = self._engine.containers(with_one_off=True)
        for one in everything:
            if one.name.startswith(self._containers.try_name("")):
                self._remove(one)
        stopped: list[Container] = []
        for service, number in self.numbers.items():
            those = [one for one in everything if one.service == service and not one.is_one_off]
            # Sorted is stable: the oldest come first among equals.
            by_worth = sorted(those, key=self._worth)
            for one in by_worth[:-number]:
                self._remove(one)
            for one in by_worth[-number:]:
                if one.is_running and one.cpu_shares == processors.STARTING_SHARES:
                    processors.give_back(self._engine, one, those)
            stopped += [one for one in by_worth[-number:] if one.status == "exited"]
        if stopped:
            self._start(stopped)

    def _start(self, stopped: list[Container]) -> None:
        """Without it no smoke test succeeds: each service needs the others."""
        names = ", ".join(one.name for one in stopped)
        self._containers.steps(f"starting {names}, stopped by an earlier run or by hand")
        ids = [one.id for one in stopped]
        try:
            self._engine.docker("start", *ids)
            self._containers.health.wait(ids)
        except CommandFailed as error:
            self._containers.steps(f"it does not help: {one_line(error)}")

    def _worth(self, one: Container) -> tuple[bool, bool, bool, bool]:
        is_serving = visitors.serves(self._engine, one)
        # Compose 1.29 creates one on a part of its networks only.
        return is_serving, one.is_running, self._has_visitors(one), one.status != "created"

    def _has_visitors(self, one: Container) -> bool:
        """Whether it has, or had until it ended; healthy or not, as it may be for a moment."""
        return one.is_running and visitors.is_named(self._engine, one)

    def _remove(self, one: Container) -> None:
        self._containers.steps(f"{one.service}: removing {one.name}, left by an earlier run")
        self._containers.remove([one])

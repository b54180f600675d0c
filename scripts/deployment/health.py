"""Waiting until new containers are healthy, by their own checks."""

import time
from collections.abc import Callable, Sequence

from deployment import processors
from deployment.engine import Container, Engine
from deployment.errors import CommandFailed

# A container without a health check counts as healthy when it has run for so long.
STEADY_SECONDS = 5.0
# Each check starts some processes, which take turns from those who serve.
POLL_SECONDS = 2.0
CHECK_SECONDS = 20.0
LOG_LINES_OF_ERROR = "8"


class Health:
    """How containers of a project fare after their start."""

    def __init__(
        self,
        engine: Engine,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self._sleep = sleep
        self._clock = clock
        self._start_seconds = engine.layout.number("START_SECONDS", 90)

    def wait(
        self,
        names: Sequence[str],
        *,
        at_least_seconds: float = 0,
    ) -> None:
        """Until all are healthy.

        Raises CommandFailed for the first container that crashes or takes longer than START_SECONDS
        (more if several start at once), or ``at_least_seconds`` if these are more.

        Docker makes its checks some seconds apart, and calls one unhealthy that is still starting on a
        busy machine. So their own checks are made here, one after another, until each has succeeded.
        """
        start, seconds = self._clock(), self._start_seconds * processors.slowness(len(names))
        patience = max(seconds, at_least_seconds)
        waiting = list(names)
        while waiting:
            late = []
            for name, one in zip(waiting, self.engine.inspect(*waiting), strict=True):
                if not self._is_up(one, start):
                    late.append((name, one))
            waiting = [name for name, _ in late]
            if not late:
                return
            if self._clock() - start > patience:
                self._fail(late[0][1], f"is not healthy after {patience:.0f} s")
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

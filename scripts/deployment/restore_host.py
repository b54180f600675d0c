"""The containers of a host as a restore stops, prepares and starts them."""

import time
from datetime import datetime

from deployment.containers import Containers
from deployment.doctor import run_doctors
from deployment.engine import Container, Engine
from deployment.errors import CommandFailed
from deployment.postgres import Part
from deployment.services import MIGRATIONS, MONITORING, ONE_SHOT, UNTOUCHED
from deployment.signals import undisturbed
from deployment.smoke import smoke_runner
from deployment.steps import Steps

MIGRATION_SECONDS = 1800.0
START_SECONDS = 600.0
HEALTHY_SECONDS = 300.0
POLL_SECONDS = 2.0
REDIS = ("redis-broker", "redis-cache")
LEFT_STOPPED = (*ONE_SHOT, *MONITORING)
# The password is in a file, as a secret, or in the environment; never in a command line.
FLUSH = (
    'export REDISCLI_AUTH="$(cat /run/secrets/redis_password 2>/dev/null || printf %s'
    ' "$REDIS_PASSWORD")"; exec redis-cli FLUSHALL'
)
# Relays and sweeps need a moment for what has become due meanwhile.
DOCTOR_ATTEMPTS, DOCTOR_PAUSE_SECONDS = 8, 15.0


class ComposeHost:
    """Restore's ``Host`` for the Compose stack."""

    def __init__(self, engine: Engine, steps: Steps, *, with_smoke: bool) -> None:
        self._engine = engine
        self._steps = steps
        self._containers = Containers(engine, steps)
        self._with_smoke = with_smoke
        self._stopped: list[Container] = []

    def stop(self) -> None:
        # Those that have stopped too: a restore that was killed may have stopped them.
        self._stopped = [
            one
            for one in self._engine.containers()
            if one.service not in UNTOUCHED
            and (one.is_running or one.status == "exited" and one.service not in LEFT_STOPPED)
        ]
        try:
            self._containers.stop(self._stopped)
        except BaseException:
            # Docker goes on when its client is gone, and what is ending is not started by ``start``.
            with undisturbed():
                self._containers.stop(self._stopped)
            raise

    def empty_queues(self) -> None:
        for service in REDIS:
            container = self._engine.running(service)
            answer = self._engine.docker("exec", container.id, "sh", "-c", FLUSH)
            if answer.strip() != "OK":
                raise CommandFailed(f"{service} was not emptied: {answer.strip()}")

    def migrate(self) -> None:
        self._containers.run_to_end(*MIGRATIONS, seconds=MIGRATION_SECONDS)

    def hold(self, taken_at: datetime) -> Part:
        command = self._engine.compose_command(
            *("run", "--rm", "--no-deps", "-T", "notification"),
            *("python", "-m", "notification_service.hold", "--taken-at", taken_at.isoformat()),
        )
        return Part(command, self._engine.environment())

    def start(self) -> None:
        if self._stopped:
            # Not by Compose: version 2 would first run the migrations again of the release that was
            # installed here first, and they refuse today's schema.
            ids = [one.id for one in self._stopped]
            self._engine.docker("start", *ids, seconds=START_SECONDS)
        else:
            self._engine.compose("up", "-d", "--no-build", seconds=START_SECONDS)
        self._wait_until_healthy()

    def _wait_until_healthy(self) -> None:
        """All of them start at once, which takes longer than one after the other."""
        until = time.monotonic() + HEALTHY_SECONDS
        while True:
            containers = self._engine.containers()
            ill = [
                one.service
                for one in containers
                if one.service not in ONE_SHOT and not one.is_healthy
            ]
            if not ill:
                return
            if time.monotonic() > until:
                raise CommandFailed(
                    f"the databases are restored, and not healthy after {HEALTHY_SECONDS:.0f} s: "
                    f"{', '.join(sorted(ill))}; ./scripts/compose logs tells more"
                )
            time.sleep(POLL_SECONDS)

    def examine(self) -> None:
        for attempts_left in reversed(range(DOCTOR_ATTEMPTS)):
            if run_doctors(self._engine) == 0:
                break
            if not attempts_left:
                raise CommandFailed(
                    "the databases are restored, and a doctor finds what stands above;"
                    " ./scripts/doctor --repair mends what is safe"
                )
            self._steps("a doctor finds something; asking again in a moment")
            time.sleep(DOCTOR_PAUSE_SECONDS)
        if self._with_smoke:
            with smoke_runner(self._containers, self._steps) as smoke:
                smoke.everything()

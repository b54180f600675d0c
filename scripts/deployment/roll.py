"""The part of a deployment that runs on the host, once images and files are there.

``python3 -m deployment.roll VERSION`` replaces the running containers, one service after another.
Whatever fails, the new containers are removed and the old ones serve on; services that were replaced
already go back to the version before by the same road.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from deployment import processors, prune, room
from deployment.configuration import copy_configuration
from deployment.containers import Containers
from deployment.engine import Container, Engine
from deployment.errors import CommandFailed, one_line, told
from deployment.layout import find_layout
from deployment.lock import hold_lock, work_of
from deployment.record import DEPLOYED, FAILED, ROLLED_BACK, Record
from deployment.replacement import Replacement
from deployment.replicas import Replicas
from deployment.sentry import tell_sentry
from deployment.services import (
    API_SERVICES,
    GROUPS,
    MONITORING,
    ONE_AT_A_TIME,
    ONE_SHOT,
    PREFLIGHT,
    UNTOUCHED,
    images_of,
)
from deployment.signals import Stopped, stop_on_signals
from deployment.smoke import Smoke, smoke_runner
from deployment.stages import Lack, Stages
from deployment.steps import Steps
from deployment.textfile import metrics_folder

MINIMUM_FREE_BYTES = 1 << 30
MIGRATION_SECONDS = 1800.0
PREFLIGHT_SECONDS = 120.0
FIRST_START_SECONDS = 900.0
FIRST_HEALTHY_SECONDS = 300.0
BACKUP_SECONDS = 3600.0


class Roll:
    """One deployment, or one way back, on this host.

    Several services are replaced at the same time where ``lack`` says nothing of their containers and
    of all that run.
    """

    def __init__(
        self,
        engine: Engine,
        steps: Steps,
        record: Record,
        *,
        is_forced: bool = False,
        with_backup: bool = True,
        lack: Lack = room.lack,
        make_containers: Callable[..., Containers] = Containers,
    ) -> None:
        self.engine = engine
        self.layout = engine.layout
        self.version = engine.version
        self.steps = steps
        self.record = record
        self._with_backup = with_backup
        self._make_containers = make_containers
        self.containers = make_containers(engine, steps, is_forced=is_forced)
        self._replicas = Replicas(self.containers)
        self._lack = lack
        self._added: list[Container] = []
        self._services: list[str] = []

    # -- the two roads
    def deploy(self) -> None:
        """To a new version: checks, backup, migrations, then service by service."""
        previous = self.record.current()
        self._run(previous, self._first_start if previous is None else self._forward, DEPLOYED)

    def go_back(self) -> None:
        """To a version that was in use before: its images and Compose file, on today's database.

        New containers are not asked before: it has served here, and who goes back is in a hurry.
        """
        self._run(self.record.current(), lambda: self._replace_all(is_asked=False), ROLLED_BACK)

    def _run(self, previous: str | None, work: Callable[[], None], outcome: str) -> None:
        try:
            self._check()
            work()
        except BaseException as error:
            reason = one_line(error)
            self.steps(f"failed: {reason}")
            try:
                self._undo(previous)
            finally:
                # On a full disk the reason matters more than its line in the record.
                with suppress(OSError):
                    self.record.add(self.version, FAILED, self.steps.seconds, reason)
            raise
        self.record.use(self.version)
        self._replicas.forget()
        self.record.add(self.version, outcome, self.steps.seconds)
        self.steps(f"{self.version} is in use")
        self._tidy()

    def _undo(self, previous: str | None) -> None:
        """Back to the version before with all that this run, or an interrupted one, has replaced."""
        self.containers.remove(self._added)
        self._replicas.put_right()
        if previous is not None and previous != self.version:
            self._go_back_to(previous)
        self._replicas.forget()

    def _go_back_to(self, previous: str) -> None:
        containers = self._make_containers(self.engine.of_version(previous), self.steps)
        groups = [group for group in GROUPS if containers.needs_replacement(group)]
        replacement = Replacement(containers)
        try:
            # One group at a time: visitors are served meanwhile, by whichever version.
            for group in groups:
                self.steps(f"{', '.join(group)}: going back to {previous}")
                replacement.replace(group, is_side_by_side=group[0] not in ONE_AT_A_TIME)
        except CommandFailed as error:
            raise CommandFailed(
                f"{error}\nnot everything is back at {previous}: ./scripts/deploy {previous} tries again"
            ) from None
        self.steps(f"everything runs {previous}")

    # -- steps

    def _check(self) -> None:
        if not self.engine.layout.compose_file(self.version).exists():
            raise CommandFailed(
                f"the files of {self.version} are not here; ./scripts/deploy HOST {self.version} sends them"
            )
        for image in images_of(self.version):
            try:
                self.containers.image_id(image)
            except CommandFailed:
                raise CommandFailed(f"the image {image} is not here; deploy it again") from None
        free = shutil.disk_usage(self.layout.home).free
        if free < MINIMUM_FREE_BYTES:
            raise CommandFailed(
                f"only {free >> 20} MiB of disk are free; see deploy/README.md on a full disk"
            )
        self._services = list(self.engine.services())
        self.steps("images, files and disk space are there")
        # First of all: what has the name of one that is to run keeps it from that.
        self._replicas.note([name for name in self._own_services() if name not in ONE_SHOT])
        self._replicas.put_right()

    def _forward(self) -> None:
        self._preflight()
        self._backup()
        changed = [name for name in API_SERVICES if self.containers.needs_replacement([name])]
        self.containers.run_to_end(*(f"{n}-migrate" for n in changed), seconds=MIGRATION_SECONDS)
        self.steps(f"schemas are at this version: {', '.join(changed) or 'nothing has changed'}")
        self._replace_all(is_asked=True)

    def _preflight(self) -> None:
        if PREFLIGHT in self._services:
            self.containers.run_to_end(PREFLIGHT, seconds=PREFLIGHT_SECONDS)
            self.steps("preflight: settings and secrets are well")

    def _backup(self) -> None:
        command = self.layout.release(self.version) / "scripts" / "backup"
        if not self._with_backup or not command.exists():
            self.steps("no backup was made" if self._with_backup else "no backup, as asked")
            return
        try:
            subprocess.run([command], check=True, timeout=BACKUP_SECONDS)
        except subprocess.SubprocessError:
            raise CommandFailed(
                "the backup failed, or took more than an hour; --without-backup deploys without one"
            ) from None
        self.steps("backup is made")

    def _replace_all(self, *, is_asked: bool) -> None:
        """Service by service; if ``is_asked``, each API is asked before it has visitors."""
        with smoke_runner(self.containers, self.steps) as smoke:
            trouble = smoke.through_gateway()
            stages = Stages(self.containers, self._lack)
            stages.replace_all(self._services, smoke if is_asked else None)
            missing = [name for name in self._own_services() if name not in ONE_SHOT]
            self.containers.start_missing(missing, self._added.append)
            smoke.everything()
            self._look_through_gateway(smoke, trouble)

    def _look_through_gateway(self, smoke: Smoke, trouble_before: str) -> None:
        """Raises CommandFailed if the deployment has cut the services off from the gateway."""
        trouble = smoke.through_gateway()
        if not trouble:
            self.steps("gateway: the three services answer through it")
        elif trouble_before:
            self.steps(f"gateway: as before this deployment: {trouble}")
        else:
            raise CommandFailed(f"all is replaced, and visitors do not reach it:\n{trouble}")

    def _first_start(self) -> None:
        self.steps("no deployment is recorded here: starting everything")
        self._configure()
        try:
            self.engine.compose("up", "-d", "--no-build", seconds=FIRST_START_SECONDS)
        except CommandFailed as error:
            raise CommandFailed(f"not everything starts: {self._first_crash() or error}") from None
        new = [one for one in self.engine.containers() if one.service in self._long_running()]
        self.steps("everything is started; waiting until it is healthy")
        # All at once on a small machine; nobody is served worse meanwhile.
        self.containers.health.wait([one.id for one in new], at_least_seconds=FIRST_HEALTHY_SECONDS)
        self.steps("everything is healthy")
        with smoke_runner(self.containers, self.steps) as smoke:
            smoke.everything()

    def _first_crash(self) -> str:
        crashed = [one for one in self.engine.containers() if one.exit_code and not one.is_running]
        return self.containers.health.describe(crashed[0], "ended") if crashed else ""

    def _own_services(self) -> list[str]:
        return [name for name in self._services if name not in (*UNTOUCHED, *MONITORING)]

    def _long_running(self) -> list[str]:
        return [name for name in self._services if name not in ONE_SHOT]

    def _configure(self) -> None:
        # node-exporter mounts it: what is not there Docker makes as root's, and no backup writes into it.
        metrics_folder(self.layout)
        for changed in copy_configuration(self.layout, self.version):
            self.steps(changed)

    def _tidy(self) -> None:
        """What may fail without harm."""
        try:
            self._configure()
            self.containers.remove_services_except(self._services)
            for removed in prune.remove_old(self.engine, self.record):
                self.steps(f"removed {removed}")
        except (CommandFailed, OSError) as error:
            self.steps(f"could not tidy up: {error}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="roll")
    parser.add_argument("version")
    parser.add_argument(
        "--again", action="store_true", help="replace containers of this version, too"
    )
    parser.add_argument("--rollback", action="store_true")
    parser.add_argument("--without-backup", action="store_true")
    parser.add_argument("--exit-code-file", type=Path)
    parser.add_argument("--log", default="")
    options = parser.parse_args()
    stop_on_signals()
    code = 1
    try:
        with told("rollback" if options.rollback else "deploy", tell_sentry):
            code = roll(options)
    except (CommandFailed, OSError, Stopped) as error:
        print(f"{error}\n{last_line(options, error)}", flush=True)
    finally:
        if options.exit_code_file:
            options.exit_code_file.write_text(f"{code}\n")
    return code


def last_line(options: argparse.Namespace, error: BaseException) -> str:
    """Which version is in use after a failure, and why it is not another."""
    command = "rollback" if options.rollback else "deploy"
    is_in_use = Record(find_layout()).current() == options.version
    state = "is in use as before, but this failed" if is_in_use else "is not in use"
    return f"{command}: {options.version} {state}: {one_line(error)}"


def roll(options: argparse.Namespace) -> int:
    # Compose needs a processor for a second at each step; those who serve come first.
    processors.give_way()
    layout = find_layout()
    work = work_of(options.version, is_rollback=options.rollback)
    with hold_lock(layout, work, version=options.version, log=options.log):
        engine = Engine(layout, options.version)
        steps = Steps()
        steps(work)
        job = Roll(
            engine,
            steps,
            Record(layout),
            is_forced=options.again,
            with_backup=not options.without_backup,
        )
        if options.rollback:
            job.go_back()
        else:
            job.deploy()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``./scripts/doctor [--repair]``: the doctors of the three services, in their containers; or those of a
stack of ``./scripts/up``, in a work tree where that runs and Compose does not."""

import argparse
import os
import subprocess
from collections.abc import Sequence

from deployment.engine import Engine
from deployment.errors import CommandFailed, run_command
from deployment.layout import Layout, find_layout
from deployment.sentry import tell_sentry
from deployment.services import API_SERVICES


class SomethingIsLeft(Exception):
    """For Sentry: the doctors have said what."""


def doctor_commands(engine: Engine, arguments: Sequence[str]) -> list[list[str]]:
    """A command for each service: in its running container, else in a new one."""
    commands = []
    for service in API_SERVICES:
        program = ["python", "-m", f"{service}_service.doctor", *arguments]
        running = [one for one in engine.containers(service) if one.is_running]
        if running:
            commands.append(["docker", "exec", running[-1].id, *program])
        else:
            options = ("run", "--rm", "--no-deps", "-T", service)
            commands.append(engine.compose_command(*options, *program))
    return commands


def run_doctors(engine: Engine, *arguments: str) -> int:
    """Their output goes to ours; the highest of their exit codes."""
    return max(
        subprocess.run(command, env=engine.environment(), check=False).returncode
        for command in doctor_commands(engine, arguments)
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/doctor", description=__doc__)
    parser.add_argument("--repair", action="store_true", help="mend what can be mended safely")
    arguments = ["--repair"] if parser.parse_args().repair else []
    layout = find_layout()
    engine = Engine(layout)
    if _runs(engine):
        code = run_doctors(engine, *arguments)
        if code:
            tell_sentry("doctor", SomethingIsLeft())
        return code
    python = layout.home / ".venv" / "bin" / "python"
    if _has_local_stack(layout) and python.exists():
        os.execv(python, [str(python), "-m", "stack.cli", "doctor", *arguments])
    raise CommandFailed("PostgreSQL does not run; ./scripts/compose up -d starts everything")


def _runs(engine: Engine) -> bool:
    try:
        engine.running("postgres")
    except CommandFailed:
        return False
    return True


def _has_local_stack(layout: Layout) -> bool:
    folder = os.environ.get("PARTERRE_VAR") or layout.var
    return layout.is_work_tree and os.path.exists(os.path.join(folder, "doctor.json"))


if __name__ == "__main__":
    run_command("doctor", main, tell=tell_sentry)

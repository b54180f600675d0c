"""Starts a deployment on the host so that it outlives the SSH session, and follows its log.

``python3 -m deployment.background VERSION ...`` takes the arguments of ``deployment.roll``. If the same
is under way already, it follows that; anything else under way is an error.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deployment.errors import CommandFailed, run_command
from deployment.layout import Layout, find_layout
from deployment.lock import in_the_way, read_holder, work_of
from deployment.sentry import tell_sentry

POLL_SECONDS = 0.2
KEPT_LOGS = 50


def start(layout: Layout, arguments: list[str]) -> tuple[Path, Callable[[], bool]]:
    """Start ``deployment.roll`` in a session of its own: its log, and whether it still runs."""
    folder = layout.var / "deployments"
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.glob("*.log"))[:-KEPT_LOGS]:
        old.unlink()
        old.with_suffix(".exit").unlink(missing_ok=True)
    log = folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}.log"
    command = [sys.executable, "-m", "deployment.roll", *arguments]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--log", str(log), "--exit-code-file", str(log.with_suffix(".exit"))],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=layout.home,
            start_new_session=True,
        )
    return log, lambda: process.poll() is None


def follow(log: Path, is_running: Callable[[], bool]) -> int:
    """Copy a log to standard output until its deployment has ended; returns the exit code."""
    with log.open() as lines:
        while True:
            was_running = is_running()
            sys.stdout.write(lines.read())
            sys.stdout.flush()
            if not was_running:
                break
            time.sleep(POLL_SECONDS)
    result = log.with_suffix(".exit")
    if not result.exists():
        raise CommandFailed("it was killed in the midst; run the same command again to finish it")
    return int(result.read_text())


def is_at_work(holder: dict[str, Any]) -> bool:
    """Whether the process that took the lock still runs: it gives the lock back before it has said how it
    ended, and its number may be another's later."""
    try:
        command = Path(f"/proc/{holder['pid']}/cmdline").read_bytes()
    except OSError:
        return False
    return str(holder["log"]).encode() in command


def main() -> int:
    arguments = sys.argv[1:]
    work = work_of(arguments[0], is_rollback="--rollback" in arguments)
    layout = find_layout()
    holder = read_holder(layout)
    if not holder:
        log, is_running = start(layout, arguments)
    elif holder["work"] == work and holder.get("log"):
        print(f"{holder['work']} is under way since {holder['since']}; following it", flush=True)
        log, is_running = Path(holder["log"]), lambda: is_at_work(holder)
    else:
        raise CommandFailed(in_the_way(holder))
    return follow(log, is_running)


if __name__ == "__main__":
    run_command("deploy", main, tell=tell_sentry)

"""Another revision of the services, to be measured by turns with the present one."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from stack.errors import StackError
from stack.processes import Program
from stack.records import TAG
from stack.stack import ROOT

PACKAGES = ("service-kit", "auth-service", "event-service", "notification-service")
LOCK = "requirements.lock"
INSTALL = '. "$0/scripts/bootstrap.sh"; bootstrap'


@dataclass(frozen=True)
class Revision:
    """Where a revision's code is, and the Python that runs it."""

    root: Path
    python: str

    def runs(self, program: Program) -> Program:
        """The same program from this revision, if it is one of a service; servers, mailbox and load
        are those of the present one."""
        is_python = program.command[:2] == [sys.executable, "-m"]
        if not is_python or program.command[2].startswith(("stack.", "http.")):
            return program
        path = os.pathsep.join(str(self.root / package) for package in PACKAGES)
        return replace(
            program,
            command=[self.python, *program.command[1:]],
            environment={**program.environment, "PYTHONPATH": path},
        )


def check_out(name: str, folder: Path) -> Revision:
    """A commit's files in a new folder, with a Python environment of their own unless they have the
    dependencies of the present one. Raises StackError."""
    folder.mkdir()
    archive = folder / "revision.tar"
    _run(
        name, folder, "git", "-C", str(ROOT), "archive", f"--output={archive}", f"{name}^{{commit}}"
    )
    _run(name, folder, "tar", "--extract", f"--file={archive}", f"--directory={folder}")
    archive.unlink()
    if (folder / LOCK).read_bytes() == (ROOT / LOCK).read_bytes():
        return Revision(folder, sys.executable)
    print(f"bench: installing the dependencies of {name} (about a minute)", flush=True)
    _run(name, folder, "bash", "-c", INSTALL, str(folder))
    return Revision(folder, str(folder / ".venv" / "bin" / "python"))


def _run(name: str, folder: Path, *command: str) -> None:
    # The tag lets an interrupted bench find what the command has started.
    environment = os.environ | {TAG: str(folder)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or [f"{command[0]} failed"])[-1]
        raise StackError(f"{name} cannot be had: {reason}")

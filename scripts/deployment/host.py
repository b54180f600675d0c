"""The machine that is deployed to: another one over SSH, or this one."""

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployment import probe
from deployment.engine import run
from deployment.errors import CommandFailed

DEFAULT_HOME = "parterre"
MINIMUM_PYTHON = (3, 11)
# A dead connection is noticed after a minute; the deployment goes on without it.
SSH_OPTIONS = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=20")
SSH_FAILED = 255


@dataclass(frozen=True)
class RemoteImage:
    id: str
    tags: list[str]
    layers: list[str]


@dataclass(frozen=True)
class HostState:
    """What ``probe`` found: ``lock`` describes who holds the lock, empty if nobody does."""

    home: str
    has_settings: bool
    current: str
    lock: dict[str, Any]
    free_bytes: int
    images: list[RemoteImage] = field(default_factory=list)


class Host:
    """``destination`` is what ssh takes, empty for this machine."""

    def __init__(self, destination: str = "") -> None:
        self.destination = destination
        self.name = destination or "this machine"

    def command(self, script: str) -> list[str]:
        """Command line that runs a shell script there."""
        if not self.destination:
            return ["sh", "-c", script]
        config = os.environ.get("SSH_CONFIG")
        options = [*(("-F", config) if config else ()), *SSH_OPTIONS]
        return ["ssh", *options, "--", self.destination, script]

    def run(self, script: str, *, seconds: float, stdin: bytes | None = None) -> str:
        # ssh may ask for a passphrase.
        return run(self.command(script), seconds=seconds, stdin=stdin, has_terminal=True)

    def run_through(self, script: str) -> int:
        """Run with this terminal's output; raises CommandFailed if the connection breaks."""
        code = subprocess.run(
            self.command(script), stdin=subprocess.DEVNULL, check=False
        ).returncode
        if code == SSH_FAILED and self.destination:
            raise CommandFailed(
                f"the connection to {self.name} broke; it finishes by itself, and the same command"
                " run again follows it"
            )
        return code

    def probe(self) -> HostState:
        """Raises CommandFailed if the host cannot be deployed to."""
        home = os.environ.get("PARTERRE_HOME", DEFAULT_HOME)
        source = Path(probe.__file__).read_bytes()
        answer = self.run(f"python3 - {shlex.quote(home)}", seconds=60, stdin=source)
        found = json.loads(answer.strip().splitlines()[-1])
        if tuple(map(int, found["python"].split(".")[:2])) < MINIMUM_PYTHON:
            raise CommandFailed(
                f"{self.name} has Python {found['python']}; 3.11 or newer is needed"
            )
        return HostState(
            home=found["home"],
            has_settings=found["has_settings"],
            current=found["current"],
            lock=json.loads(found["lock"]) if found["lock"] else {},
            free_bytes=found["free_bytes"],
            images=[RemoteImage(**one) for one in found["images"]],
        )

    def python(self, home: str, version: str, module: str, *arguments: str) -> str:
        """Script that runs a module of the ``deployment`` package of a release there."""
        # "current" names the release in use.
        release = "current" if version == "current" else f"releases/{version}"
        words = [sys.executable if not self.destination else "python3", "-m", module, *arguments]
        return (
            f"cd {shlex.quote(home)} && PARTERRE_HOME={shlex.quote(home)}"
            f" PYTHONPATH={shlex.quote(release)}/scripts exec {shlex.join(words)}"
        )

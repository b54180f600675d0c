"""The machine that is deployed to: over SSH, or this one.

``DRILL_HOST`` is an SSH destination, ``SSH_CONFIG`` a configuration file for it; it must be a machine
that may be thrown away, since the drill owns its folder ``~/parterre`` and the ports of ``drill.py``. Or it
is ``local``, for this machine's own engine.
"""

import os
import shlex
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

from deployment.layout import DEFAULT_PROJECT

ROOT = Path(__file__).resolve().parents[3]
LOCAL = "local"
LOCAL_PROJECT = "parterre-drill"


@dataclass(frozen=True)
class Done:
    """What a command has said and how it ended."""

    code: int
    output: str

    @property
    def last_line(self) -> str:
        lines = self.output.strip().splitlines()
        return lines[-1] if lines else ""


def run(command: list[str], *, seconds: float, stdin: str = "", **variables: str) -> Done:
    """A command on this machine, in the repository's root; its output includes standard error.
    Raises subprocess.TimeoutExpired."""
    done = subprocess.run(
        command,
        input=stdin.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **variables},
        cwd=ROOT,
        timeout=seconds,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(errors="replace"))


def must(command: list[str], *, seconds: float, stdin: str = "", **variables: str) -> str:
    """As ``run``, for what has to succeed: its output."""
    done = run(command, seconds=seconds, stdin=stdin, **variables)
    assert done.code == 0, f"{shlex.join(command)[:300]}: {done.code}\n{done.output[-4000:]}"
    return done.output


@dataclass(frozen=True)
class Host:
    """``destination``: for SSH, with its configuration file or none; empty for this machine, whose
    ``home`` is a folder that the drill makes."""

    destination: str = ""
    configuration: str = ""
    home: str = "~/parterre"

    @property
    def project(self) -> str:
        """Name of the project of Compose there."""
        return DEFAULT_PROJECT if self.destination else LOCAL_PROJECT

    def shell(self, script: str) -> list[str]:
        """The command that runs a shell script there."""
        if not self.destination:
            return ["bash", "-c", script]
        options = ["-F", self.configuration] if self.configuration else []
        return ["ssh", *options, self.destination, script]

    def run(self, script: str, *, seconds: float = 60, stdin: str = "") -> Done:
        """A shell script in the folder of Parterre there."""
        command = self.shell(f"cd {self.home} && {script}")
        return run(command, seconds=seconds, stdin=stdin, **self._variables())

    def must(self, script: str, *, seconds: float = 60, stdin: str = "") -> str:
        """As ``run``, for what has to succeed: its output."""
        done = self.run(script, seconds=seconds, stdin=stdin)
        assert done.code == 0, f"{script[:300]}: {done.code}\n{done.output[-4000:]}"
        return done.output

    def write(self, path: str, text: str) -> None:
        """A file below the folder of Parterre."""
        self.must(f"mkdir -p $(dirname {path}) && cat > {path}", stdin=text)

    def addresses(self) -> tuple[str, str]:
        """Of this machine as containers there see it, and of the host as this machine sees it."""
        if self.destination:
            here, _, there, _ = must(self.shell("echo $SSH_CONNECTION"), seconds=20).split()
            return here, there
        wanted = "{{(index .IPAM.Config 0).Gateway}}"
        bridge = must(["docker", "network", "inspect", "bridge", "-f", wanted], seconds=20)
        return bridge.strip(), "127.0.0.1"

    def command(self, name: str, *arguments: str, seconds: float) -> Done:
        """``scripts/NAME [HOST] ARGUMENTS``, as an operator on this machine calls it."""
        return run(self._command(name, *arguments), seconds=seconds, **self._variables())

    def cut_off(self, name: str, *arguments: str, after: str, seconds: float) -> str:
        """Starts such a command and kills it with its connection once its output has the text; its
        output until then."""
        with subprocess.Popen(
            self._command(name, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self._variables()},
            cwd=ROOT,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            limit = Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
            limit.start()
            output = b""
            while after.encode() not in output and (line := process.stdout.readline()):
                output += line
            limit.cancel()
            assert after.encode() in output, output.decode()
            os.killpg(process.pid, signal.SIGKILL)
            return output.decode()

    def _command(self, name: str, *arguments: str) -> list[str]:
        whom = [self.destination] if self.destination else []
        # Usually that is another machine's work, and takes no processor from those who serve.
        return ["chrt", "--idle", "0", f"scripts/{name}", *whom, *arguments]

    def _variables(self) -> dict[str, str]:
        if self.destination:
            return {"SSH_CONFIG": self.configuration}
        return {"PARTERRE_HOME": self.home, "COMPOSE_PROJECT_NAME": LOCAL_PROJECT}


def wipe_script(host: Host) -> str:
    """Removes all that is of the project there: a deployment under way, containers, data, files."""
    label = f"--filter label=com.docker.compose.project={host.project}"
    lock = f"{host.home}/var/lock"
    pid = f"""sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p' {lock}"""
    return "; ".join(
        (
            # Nobody holds the lock of a process that has ended, whose number may be another's now.
            f"[ ! -e {lock} ] || flock -n -s {lock} true || kill -KILL $({pid})",
            f"docker ps -aq {label} | xargs -r docker rm -f -v >/dev/null",
            f"docker volume ls -q {label} | xargs -r docker volume rm >/dev/null",
            f"docker network ls -q {label} | xargs -r docker network rm >/dev/null",
            f"rm -rf {host.home}",
        )
    )


def given_host() -> Host | None:
    """The host that the environment names, or this machine if it asks for that with ``local``."""
    destination = os.environ.get("DRILL_HOST")
    if destination != LOCAL:
        return Host(destination, os.environ.get("SSH_CONFIG", "")) if destination else None
    return Host(home=tempfile.mkdtemp(prefix="parterre-drill-"))

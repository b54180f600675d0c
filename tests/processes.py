"""A process of a test's own, which can be killed, frozen and thawed; and a Redis that is one."""

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import psutil

from stack.ports import free_port
from stack.redis import Redis


class OneProcess:
    """A process and its children in a group of their own; what it writes goes to ``log``."""

    def __init__(self, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                env={**environment, "PATH": os.environ["PATH"]},
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        return self._popen.poll() is None

    @property
    def children(self) -> list[psutil.Process]:
        children: list[psutil.Process] = psutil.Process(self._popen.pid).children(recursive=True)
        return children

    def says(self, text: str) -> bool:
        return self.counts(text) > 0

    def counts(self, text: str) -> int:
        return self.log.read_text(errors="replace").count(text)

    def signal_group(self, signum: int) -> None:
        os.killpg(self._popen.pid, signum)

    def freeze(self) -> None:
        self.signal_group(signal.SIGSTOP)

    @property
    def is_frozen(self) -> bool:
        """Every process of the group has stopped."""
        group = [psutil.Process(self._popen.pid), *self.children]
        return all(one.status() == psutil.STATUS_STOPPED for one in group)

    def thaw(self) -> None:
        self.signal_group(signal.SIGCONT)

    def kill(self) -> None:
        """Nobody of the group gets to say a word."""
        self.signal_group(signal.SIGKILL)
        self._popen.wait()

    def ask_to_end(self) -> int:
        """SIGTERM to the whole group, as systemd does; the exit code."""
        self.signal_group(signal.SIGTERM)
        return self._popen.wait(timeout=40)

    def end(self) -> None:
        if self._popen.poll() is None:
            self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


class OwnRedis:
    """A Redis that nobody else uses, so that it may be frozen or restarted empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = Redis("redis", folder, port=free_port(), password="test", is_broker=True)
        self._process: OneProcess | None = None

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def process(self) -> OneProcess:
        assert self._process is not None
        return self._process

    @property
    def is_ready(self) -> bool:
        return self._server.accepts_connections()

    def start(self) -> None:
        program = self._server.program()
        log = self._folder / "redis.log"
        self._process = OneProcess(program.command, program.environment, log)

    def forget_everything(self) -> None:
        """Dies, and loses its disk."""
        self.process.kill()
        for file in self._folder.rglob("*.aof"):
            file.unlink()
        for file in self._folder.rglob("*.manifest"):
            file.unlink()

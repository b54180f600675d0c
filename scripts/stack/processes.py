"""Child processes that are found again after anything, and never confused with others."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from stack.errors import StackError
from stack.health import answers
from stack.records import MARK, end_marked, find_recorded, record

LOG_BYTES_KEPT = 5 * 1024 * 1024
TAIL_LINES = 15
READY_SECONDS = 60.0
POLL_SECONDS = 0.05

Ready = Callable[[], bool]


@dataclass(frozen=True)
class Program:
    """A process of the stack: how it starts, how it is asked to stop, when it is ready.

    ``health`` is an address that answers while all is well; ``ready`` is asked instead of it where
    that does not suffice for a start."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(repr=False)
    ready: Ready | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 30.0
    address: str = ""
    health: str = ""


class Process:
    """One program and its process, with a record in ``run_dir`` and a log in ``log_dir``."""

    def __init__(self, program: Program, *, run_dir: Path, log_dir: Path, cwd: Path) -> None:
        self.program = program
        self.name = program.name
        self._record = run_dir / f"{program.name}.json"
        self._mark = run_dir / program.name
        self.log = log_dir / f"{program.name}.log"
        self._cwd = cwd
        self._popen: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0

    def start(self) -> None:
        """Raises StackError if the program cannot be run at all."""
        self._turn_log()
        with self.log.open("ab") as log:
            try:
                self._popen = subprocess.Popen(
                    self.program.command,
                    env={**self.program.environment, MARK: str(self._mark)},
                    cwd=self._cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # A group of its own: Ctrl-C reaches the supervisor, which stops things in order.
                    start_new_session=True,
                )
            except OSError as error:
                raise StackError(f"{self.name} cannot be started: {error}") from error
        self.started_at = time.monotonic()
        record(
            self._record,
            self._popen.pid,
            stop_signal=self.program.stop_signal,
            address=self.program.address,
            health=self.program.health,
        )

    def _turn_log(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_BYTES_KEPT:
                self.log.replace(self.log.with_suffix(".log.1"))

    @property
    def pid(self) -> int | None:
        found = self.find()
        return found.pid if found else None

    def find(self) -> psutil.Process | None:
        """The live process, whoever started it; None if it is gone."""
        if self._popen is not None:
            self._popen.poll()
        return find_recorded(self._record)

    def is_running(self) -> bool:
        return self.find() is not None

    def wait_for_end(self) -> int:
        """The exit code of a program that ends by itself."""
        assert self._popen is not None
        code = self._popen.wait()
        self._record.unlink(missing_ok=True)
        return code

    def stop(self) -> None:
        """Asks it to end, waits, and insists in the end."""
        self.thaw()
        found = self.find()
        if found is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                found.send_signal(self.program.stop_signal)
            if not self._wait(self.program.stop_seconds):
                self.kill()
        self._reap()
        self.end_orphans()
        self._record.unlink(missing_ok=True)

    def kill(self) -> None:
        """Ends the whole group at once, without asking."""
        self._signal_group(signal.SIGKILL)
        self._wait(10)
        self._reap()

    def end_orphans(self) -> int:
        """Ends what a process that is gone has left of its own children; how many there were."""
        return end_marked(self._mark) if self._popen is not None else 0

    def freeze(self) -> None:
        self._signal_group(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_group(signal.SIGCONT)

    def restart(self) -> None:
        self.stop()
        self.start()
        self.wait_until_ready()

    def is_ready(self) -> bool:
        """Raises StackError with the end of the log if it has ended."""
        if not self.is_running():
            raise StackError(f"{self.name} ended while starting.\n{self.tail()}")
        if self.program.ready is not None:
            return self.program.ready()
        return not self.program.health or answers(self.program.health)

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> None:
        wait_until_ready([self], seconds)

    def tail(self) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        lines = "\n".join(f"  | {line[:300]}" for line in text.splitlines()[-TAIL_LINES:])
        return f"The end of {self.log}:\n{lines}"

    def _reap(self) -> None:
        """Takes note of the end of our own child, which is a zombie until then."""
        if self._popen is not None:
            self._popen.wait(10)

    def _signal_group(self, signum: signal.Signals) -> None:
        found = self.find()
        if found is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(found.pid, signum)

    def _wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.is_running():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True


def wait_until_ready(processes: Iterable[Process], seconds: float = READY_SECONDS) -> None:
    """Raises StackError with the end of a log as soon as one ends, or is not ready in time."""
    deadline = time.monotonic() + seconds
    waiting = list(processes)
    while waiting := [process for process in waiting if not process.is_ready()]:
        if time.monotonic() > deadline:
            late = waiting[0]
            raise StackError(f"{late.name} is not ready after {seconds:.0f} s.\n{late.tail()}")
        time.sleep(POLL_SECONDS)

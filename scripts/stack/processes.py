"""Child processes that any later command finds again, and never confuses with others."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stack.errors import StackError
from stack.health import answers
from stack.records import TAG, end_tagged, write_record

MAX_LOG_BYTES = 5 * 1024 * 1024
TAIL_LINES = 15
READY_SECONDS = 60.0
KILL_SECONDS = 10.0
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Program:
    """A process of the stack: how it starts, how it is asked to stop, when it is ready.

    ``health`` is an address that answers while all is well; ``ready`` is asked instead of it where
    that does not suffice for a start."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(repr=False)
    ready: Callable[[], bool] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 30.0
    address: str = ""
    health: str = ""


class Process:
    """One program and its process, with a record in ``run_dir`` and a log in ``log_dir``."""

    def __init__(self, program: Program, *, run_dir: Path, log_dir: Path, cwd: Path) -> None:
        self.program = program
        self.name = program.name
        self.log = log_dir / f"{program.name}.log"
        self.started_at = 0.0
        self._record = run_dir / f"{program.name}.json"
        self._tag = run_dir / program.name
        self._cwd = cwd
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Raises StackError if the program cannot be run at all."""
        program = self.program
        self._rotate_log()
        with self.log.open("ab") as log:
            try:
                self._popen = subprocess.Popen(
                    program.command,
                    env={**program.environment, TAG: str(self._tag)},
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
        details = {"address": program.address, "health": program.health}
        write_record(self._record, self._popen.pid, stop_signal=program.stop_signal, **details)

    def _rotate_log(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > MAX_LOG_BYTES:
                self.log.replace(self.log.with_suffix(".log.1"))

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen is not None and self.is_running() else None

    def is_running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def wait_for_end(self) -> int:
        """The exit code of a program that ends by itself."""
        assert self._popen is not None
        code = self._popen.wait()
        self._record.unlink(missing_ok=True)
        return code

    def stop(self) -> None:
        """Asks it to end, and kills it if it has not ended after ``stop_seconds``."""
        if self._popen is not None:
            self._signal_group(signal.SIGCONT)
            self._popen.send_signal(self.program.stop_signal)
            try:
                self._popen.wait(self.program.stop_seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        self.end_orphans()
        self._record.unlink(missing_ok=True)

    def kill(self) -> None:
        """Ends its whole process group at once, without asking."""
        self._signal_group(signal.SIGKILL)
        if self._popen is not None:
            self._popen.wait(KILL_SECONDS)

    def end_orphans(self) -> int:
        """Ends the children that a process has left behind; how many there were."""
        return end_tagged(self._tag) if self._popen is not None else 0

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

    def _signal_group(self, signum: signal.Signals) -> None:
        if self._popen is not None and self.is_running():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signum)


def wait_until_ready(processes: Iterable[Process], seconds: float = READY_SECONDS) -> None:
    """Raises StackError with the end of a log as soon as one ends, or is not ready in time."""
    deadline = time.monotonic() + seconds
    waiting = list(processes)
    while waiting := [process for process in waiting if not process.is_ready()]:
        if time.monotonic() > deadline:
            late = waiting[0]
            raise StackError(f"{late.name} is not ready after {seconds:.0f} s.\n{late.tail()}")
        time.sleep(POLL_SECONDS)

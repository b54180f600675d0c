"""Child processes that are found again after anything, and never confused with others."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from stack.errors import StackError

LOG_BYTES_KEPT = 5 * 1024 * 1024
TAIL_LINES = 15
POLL_SECONDS = 0.05

Ready = Callable[[], bool]


@dataclass(frozen=True)
class Program:
    """A process of the stack: how it starts, how it is asked to stop, when it is ready."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(repr=False)
    ready: Ready | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 30.0
    address: str = ""


class Process:
    """One program and its process. The record in ``run_dir`` names process id and start time, so
    that another process that has the id by now is left alone."""

    def __init__(self, program: Program, *, run_dir: Path, log_dir: Path, cwd: Path) -> None:
        self.program = program
        self.name = program.name
        self._record = run_dir / f"{program.name}.json"
        self.log = log_dir / f"{program.name}.log"
        self._cwd = cwd
        self._popen: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0

    def start(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_BYTES_KEPT:
                self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self.program.command,
                env=dict(self.program.environment),
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C reaches the supervisor, which stops things in order.
                start_new_session=True,
            )
        self.started_at = time.monotonic()
        started = psutil.Process(self._popen.pid).create_time()
        self._record.write_text(json.dumps({"pid": self._popen.pid, "started": started}))

    @property
    def pid(self) -> int | None:
        found = self.find()
        return found.pid if found else None

    def find(self) -> psutil.Process | None:
        """The live process, whoever started it; None if it is gone."""
        if self._popen is not None:
            self._popen.poll()
        return find_recorded(self._record)

    def wait_for_end(self) -> int:
        """The exit code of a program that ends by itself."""
        assert self._popen is not None
        code = self._popen.wait()
        self._record.unlink(missing_ok=True)
        return code

    def is_running(self) -> bool:
        return self.find() is not None

    def stop(self) -> None:
        """Asks it to end, waits, and insists in the end."""
        found = self.find()
        if found is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                found.send_signal(signal.SIGCONT)
                found.send_signal(self.program.stop_signal)
            if not self._wait(self.program.stop_seconds):
                self.kill()
        self._reap()
        self._record.unlink(missing_ok=True)

    def kill(self) -> None:
        """Ends the whole group at once, without asking."""
        found = self.find()
        if found is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(found.pid, signal.SIGKILL)
            self._wait(10)
        self._reap()

    def _reap(self) -> None:
        """Takes note of the end of our own child, which is a zombie until then."""
        if self._popen is not None:
            self._popen.wait(10)

    def freeze(self) -> None:
        self._signal_group(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_group(signal.SIGCONT)

    def restart(self) -> None:
        self.stop()
        self.start()
        self.wait_until_ready()

    def wait_until_ready(self, seconds: float = 40.0) -> None:
        """Raises StackError with the end of the log if it ends or does not become ready."""
        deadline = time.monotonic() + seconds
        ready = self.program.ready
        while True:
            if not self.is_running():
                raise StackError(f"{self.name} ended while starting.\n{self.tail()}")
            if ready is None or ready():
                return
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} is not ready after {seconds:.0f} s.\n{self.tail()}")
            time.sleep(POLL_SECONDS)

    def tail(self) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        lines = "\n".join(f"  | {line[:300]}" for line in text.splitlines()[-TAIL_LINES:])
        return f"The end of {self.log}:\n{lines}"

    def _signal_group(self, signum: signal.Signals) -> None:
        found = self.find()
        if found is not None:
            os.killpg(found.pid, signum)

    def _wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.is_running():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True


def find_recorded(record: Path) -> psutil.Process | None:
    """The process of a record, if it is that very one and alive."""
    try:
        written = json.loads(record.read_text())
        process = psutil.Process(written["pid"])
        if abs(process.create_time() - written["started"]) > 1.0:
            return None
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except (OSError, ValueError, KeyError, psutil.Error):
        return None


def end_recorded(record: Path) -> bool:
    """Ends what a supervisor that is gone has left running; whether there was anything."""
    process = find_recorded(record)
    if process is not None:
        with contextlib.suppress(ProcessLookupError, psutil.Error):
            os.killpg(process.pid, signal.SIGCONT)
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    record.unlink(missing_ok=True)
    return process is not None

"""Processes that belong together: started in order, restarted when they end, stopped in order."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stack.errors import StackError
from stack.processes import Process, Program, wait_until_ready
from stack.records import end_recorded, end_tagged

WATCH_SECONDS = 0.5
MAX_RESTART_PAUSE_SECONDS = 30.0
# A process that has run this long is not in a loop of crashes.
STEADY_SECONDS = 60.0

Say = Callable[[str], None]


class ProcessGroup:
    """The processes of one folder. ``stop_order`` names those that stop after all others, one set
    after another."""

    def __init__(
        self,
        var: Path,
        *,
        cwd: Path,
        stop_order: Sequence[set[str]] = (),
        say: Say = lambda _: None,
    ) -> None:
        self.run_dir = var / "run"
        self.log_dir = var / "log"
        self.processes: dict[str, Process] = {}
        self._cwd = cwd
        self._stop_order = stop_order
        self._say = say
        self._paused: set[str] = set()
        # The watching thread must not restart what another thread is stopping at this moment.
        self._lock = threading.Lock()
        self._pauses: dict[str, float] = {}
        self._restart_at: dict[str, float] = {}
        for folder in (self.run_dir, self.log_dir):
            folder.mkdir(parents=True, exist_ok=True)

    def start_all(self, programs: Sequence[Program]) -> None:
        """Starts programs beside each other, and returns when all are ready. Raises StackError."""
        wait_until_ready(self._launch(programs))

    def run_to_end(self, programs: Sequence[Program]) -> None:
        """Runs them beside each other until all have ended. Raises StackError if one fails."""
        for process in self._launch(programs):
            if process.wait_for_end():
                raise StackError(f"{process.name} failed.\n{process.tail()}")
            del self.processes[process.name]

    def _launch(self, programs: Sequence[Program]) -> list[Process]:
        folders = {"run_dir": self.run_dir, "log_dir": self.log_dir, "cwd": self._cwd}
        launched = [Process(program, **folders) for program in programs]
        self.processes |= {process.name: process for process in launched}
        for process in launched:
            process.start()
        return launched

    def watch(self, *, until: threading.Event) -> None:
        """Restarts what ends by itself, after a pause that grows while it keeps ending."""
        while not until.wait(WATCH_SECONDS):
            with self._lock:
                for name, process in self.processes.items():
                    if name not in self._paused and not process.is_running():
                        self._restart(process)

    def _restart(self, process: Process) -> None:
        name, now = process.name, time.monotonic()
        if name not in self._restart_at:
            is_steady = now - process.started_at > STEADY_SECONDS
            pause = 0.0 if is_steady else self._pauses.get(name, 0.0)
            self._pauses[name] = min(max(1.0, pause * 2), MAX_RESTART_PAUSE_SECONDS)
            self._restart_at[name] = now + pause
            when = f"in {pause:.0f} s" if pause else "now"
            self._say(f"{name} ended; it is started again {when}. Its log: {process.log}")
        if now < self._restart_at[name]:
            return
        del self._restart_at[name]
        process.end_orphans()
        try:
            process.start()
        except StackError as error:
            self._say(str(error))

    @contextlib.contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Stops one process for the time of a block."""
        process = self.processes[name]
        with self._lock:
            self._paused.add(name)
            process.stop()
        try:
            yield
        finally:
            process.start()
            process.wait_until_ready()
            self._paused.discard(name)

    def stop(self) -> None:
        """Stops all of them in order, whatever happens to one."""
        late = set[str]().union(*self._stop_order)
        with contextlib.ExitStack() as rest:
            rest.callback(end_tagged, self.run_dir)
            for names in reversed([self.processes.keys() - late, *self._stop_order]):
                rest.callback(self._stop_each, names & self.processes.keys())

    def _stop_each(self, names: set[str]) -> None:
        with ThreadPoolExecutor(len(names) or 1) as pool:
            list(pool.map(Process.stop, [self.processes[name] for name in names]))


def end_leftovers(run_dir: Path, *, last: Sequence[str] = ()) -> int:
    """Ends what an earlier stack of this folder has left, and what is in ``last`` after all others;
    how many processes there were."""
    records = [file for file in run_dir.glob("*.json") if file.stem != "supervisor"]
    ended = 0
    for is_last in (False, True):
        files = [file for file in records if (file.stem in last) is is_last]
        with ThreadPoolExecutor(len(files) or 1) as pool:
            ended += sum(pool.map(end_recorded, files))
    return ended + end_tagged(run_dir)

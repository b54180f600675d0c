"""Processes that belong together: started in order, watched, stopped in order."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stack.errors import StackError
from stack.processes import Process, Program, wait_until_ready
from stack.records import end_marked, end_recorded

WATCH_SECONDS = 0.5
MAX_RESTART_PAUSE_SECONDS = 30.0
# What has run for so long is not in a loop of crashes.
STEADY_SECONDS = 60.0

Say = Callable[[str], None]


class Group:
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
        # Nobody brings back what another thread is stopping at this moment.
        self._at_work = threading.Lock()
        self._pauses: dict[str, float] = {}
        self._due: dict[str, float] = {}
        for folder in (self.run_dir, self.log_dir):
            folder.mkdir(parents=True, exist_ok=True)

    def _add(self, program: Program) -> Process:
        process = Process(program, run_dir=self.run_dir, log_dir=self.log_dir, cwd=self._cwd)
        self.processes[program.name] = process
        return process

    def start(self, programs: Sequence[Program]) -> None:
        """Starts them all and returns when all are ready. Raises StackError."""
        started = [self._add(program) for program in programs]
        for process in started:
            process.start()
        wait_until_ready(started)

    def run_to_end(self, programs: Sequence[Program]) -> None:
        """Runs them beside each other until all have ended. Raises StackError if one fails."""
        running = [self._add(program) for program in programs]
        for process in running:
            process.start()
        for process in running:
            if process.wait_for_end():
                raise StackError(f"{process.name} failed.\n{process.tail()}")
            del self.processes[process.name]

    def watch(self, *, until: threading.Event) -> None:
        """Starts again what ends by itself, after a pause that grows while it keeps ending."""
        while not until.wait(WATCH_SECONDS):
            with self._at_work:
                for name, process in self.processes.items():
                    if name not in self._paused and not process.is_running():
                        self._bring_back(process)

    def _bring_back(self, process: Process) -> None:
        name, now = process.name, time.monotonic()
        if name not in self._due:
            steady = now - process.started_at > STEADY_SECONDS
            pause = 0.0 if steady else self._pauses.get(name, 0.0)
            self._pauses[name] = min(max(1.0, pause * 2), MAX_RESTART_PAUSE_SECONDS)
            self._due[name] = now + pause
            when = f"in {pause:.0f} s" if pause else "now"
            self._say(f"{name} ended; it is started again {when}. Its log: {process.log}")
        if now < self._due[name]:
            return
        del self._due[name]
        process.end_orphans()
        try:
            process.start()
        except StackError as error:
            self._say(str(error))

    @contextlib.contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Stops one process for the time of a block."""
        process = self.processes[name]
        with self._at_work:
            self._paused.add(name)
            process.stop()
        try:
            yield
        finally:
            process.start()
            process.wait_until_ready()
            self._paused.discard(name)

    def stop(self) -> None:
        """All of them, whatever happens to one."""
        late = set[str]().union(*self._stop_order)
        groups = [self.processes.keys() - late, *self._stop_order]
        with contextlib.ExitStack() as rest:
            rest.callback(end_marked, self.run_dir)
            for names in reversed(groups):
                rest.callback(self._stop_each, names & self.processes.keys())

    def _stop_each(self, names: set[str]) -> None:
        if names:
            with ThreadPoolExecutor(len(names)) as pool:
                list(pool.map(Process.stop, [self.processes[name] for name in names]))


def end_leftovers(run_dir: Path, *, last: Sequence[str]) -> int:
    """Ends what an earlier stack of this folder has left, and what is in ``last`` after all others;
    how many processes there were."""
    records = [file for file in run_dir.glob("*.json") if file.stem != "supervisor"]
    data = [file for file in records if file.stem in last]
    rest = [file for file in records if file not in data]
    ended = 0
    for files in (rest, data):
        with ThreadPoolExecutor(max(len(files), 1)) as pool:
            ended += sum(pool.map(end_recorded, files))
    return ended + end_marked(run_dir)

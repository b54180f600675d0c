"""Which processes belong to a stack, written down so that they are found again after anything."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

# In the environment of every process of a stack, and so of the processes that those start.
MARK = "PARTERRE_STACK"
POLL_SECONDS = 0.02
END_SECONDS = 15.0


@dataclass(frozen=True)
class Entry:
    """A process id, and when that process started: the id may be another's by now."""

    pid: int
    started: float
    stop_signal: int = signal.SIGTERM
    address: str = ""
    health: str = ""


def write_atomically(file: Path, text: str) -> None:
    """For its owner's eyes only; whole or not at all, also when the machine stops meanwhile."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(file)


def record(
    file: Path,
    pid: int,
    *,
    stop_signal: int = signal.SIGTERM,
    address: str = "",
    health: str = "",
) -> None:
    """Raises psutil.NoSuchProcess if there is no such process, not even its remains."""
    started = psutil.Process(pid).create_time()
    entry = Entry(pid, started, stop_signal, address, health)
    write_atomically(file, json.dumps(asdict(entry)))


def read(file: Path) -> Entry | None:
    try:
        return Entry(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def find_recorded(file: Path) -> psutil.Process | None:
    """The process of a record, if it is that very one and alive."""
    entry = read(file)
    try:
        process = psutil.Process(entry.pid) if entry else None
        if entry is None or process is None or abs(process.create_time() - entry.started) > 1.0:
            return None
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.Error:
        return None


def has_ended(process: psutil.Process, *, within: float) -> bool:
    """Waits for it. A zombie has ended, though whoever started it may never take note."""
    deadline = time.monotonic() + within
    with contextlib.suppress(psutil.NoSuchProcess):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
    return True


def end_recorded(file: Path) -> bool:
    """Ends what a supervisor that is gone has left running; whether there was anything."""
    entry, process = read(file), find_recorded(file)
    if entry is not None and process is not None:
        with contextlib.suppress(psutil.Error):
            process.resume()
            process.send_signal(entry.stop_signal)
        if not has_ended(process, within=END_SECONDS):
            with contextlib.suppress(psutil.Error):
                process.kill()
            has_ended(process, within=END_SECONDS)
    file.unlink(missing_ok=True)
    return process is not None


def marked(folder: Path) -> Iterator[psutil.Process]:
    """Every live process of the stacks at or below a folder, also one whose parent was killed."""
    own = os.getpid()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            mark = process.environ().get(MARK)
            if mark and process.pid != own and Path(mark).is_relative_to(folder):
                if process.status() != psutil.STATUS_ZOMBIE:
                    yield process


def end_marked(folder: Path) -> int:
    """Kills what no record names any more, such as a worker's children; how many there were."""
    found = list(marked(folder))
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(found, timeout=END_SECONDS)
    return len(found)

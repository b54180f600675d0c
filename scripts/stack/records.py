"""Which processes belong to a stack, on record and by a tag, so that any later command finds them."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

# In the environment of every process of a stack, and so of the processes that those start.
TAG = "PARTERRE_STACK"
POLL_SECONDS = 0.02
END_SECONDS = 15.0


@dataclass(frozen=True)
class Record:
    """A process id, and when that process started: the system gives an id to another one later."""

    pid: int
    started: float
    stop_signal: int = signal.SIGTERM
    address: str = ""
    health: str = ""


def write_atomically(file: Path, text: str) -> None:
    """Readable by its owner only; whole or not at all, also when the machine stops meanwhile."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(file)


def write_record(file: Path, pid: int, **details: Any) -> None:
    """``details`` are further fields of the record. Raises psutil.NoSuchProcess."""
    record = Record(pid, psutil.Process(pid).create_time(), **details)
    write_atomically(file, json.dumps(asdict(record)))


def read_record(file: Path) -> Record | None:
    try:
        return Record(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def find_recorded(file: Path) -> psutil.Process | None:
    """The process of a record, if it is that very one and alive."""
    record = read_record(file)
    if record is None:
        return None
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(record.pid)
        is_same = abs(process.create_time() - record.started) <= 1.0
        return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
    return None


def has_ended(process: psutil.Process, *, within: float) -> bool:
    """Waits for up to ``within`` seconds. A zombie counts: its parent may never collect it."""
    deadline = time.monotonic() + within
    with contextlib.suppress(psutil.NoSuchProcess):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
    return True


def end_process(process: psutil.Process, signum: int, *, within: float) -> None:
    """Asks a process that another one has started to end; kills it after ``within`` seconds."""
    with contextlib.suppress(psutil.Error):
        process.resume()
        process.send_signal(signum)
        if not has_ended(process, within=within):
            process.kill()
            has_ended(process, within=within)


def end_recorded(file: Path) -> bool:
    """Ends what a supervisor that is gone has left running; whether there was anything."""
    record, process = read_record(file), find_recorded(file)
    if record is not None and process is not None:
        end_process(process, record.stop_signal, within=END_SECONDS)
    file.unlink(missing_ok=True)
    return process is not None


def tagged(folder: Path) -> Iterator[psutil.Process]:
    """Every live process of the stacks at or below a folder, also one whose parent was killed."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            tag = process.environ().get(TAG)
            if tag and process.pid != os.getpid() and Path(tag).is_relative_to(folder):
                if process.status() != psutil.STATUS_ZOMBIE:
                    yield process


def end_tagged(folder: Path) -> int:
    """Kills what no record names any more, such as a worker's children; how many there were."""
    processes = list(tagged(folder))
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=END_SECONDS)
    return len(processes)

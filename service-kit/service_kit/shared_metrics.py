"""The files through which several processes of one container show their metrics as one.

prometheus_client's own collector would do but for three things. It keeps the counters and histograms of each
process that has ended for good (``mark_process_dead`` is for live gauges, and for a parent that is there to
call it), so that a folder in memory fills up; it shows nothing at all over one damaged file; and it shows
whatever is in the folder. Here what ended processes have counted is folded into one file for each kind,
whenever somebody looks and whenever a process begins, so that the number of files follows the number of
processes that live. Gauges end with their process: one that shall outlive it must be measured again by
whoever comes next.
"""

import contextlib
import fcntl
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

log = structlog.get_logger()

ENDED = "ended"
SUMMED_KINDS = ("counter", "histogram", "summary")
_VALUE_FILE = re.compile(rf"({'|'.join(SUMMED_KINDS)}|gauge_[a-z]+)_(\d+|{ENDED})\.(?:db|folding)")

# Room that MmapedDict needs: once, and at most beside each name.
HEAD_BYTES, VALUE_BYTES = 8, 28

_Values: Any = MmapedDict
_read_values: Any = MmapedDict.read_all_values_from_file
_merge: Any = MultiProcessCollector.merge


class SharedMetrics(Collector):
    """Of what all processes have written to ``folder``, that which ``registry`` has."""

    def __init__(self, folder: Path, registry: CollectorRegistry) -> None:
        self._folder = folder
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        names = {metric.name for metric in self._registry.collect()}
        with _alone(self._folder):
            _fold(self._folder)
            merged = _merged([str(file) for file, _, _ in _value_files(self._folder)])
        return [metric for metric in merged if metric.name in names]


def fold_ended_processes(folder: Path) -> None:
    """Keeps the sums of processes that have ended, and not their files."""
    with _alone(folder):
        _fold(folder)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Neither process nor thread reads a half of what another one folds."""
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing it would not do: a child that was forked meanwhile has it open, too.
            fcntl.flock(lock, fcntl.LOCK_UN)


def _value_files(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Each with its kind, and its process or ENDED."""
    for file in sorted(folder.iterdir()):
        if found := _VALUE_FILE.fullmatch(file.name):
            yield file, found[1], found[2]


def _fold(folder: Path) -> None:
    """A kill at any point loses nothing and adds nothing twice: until the sum is ``.ready``, the files that
    it is of count (``.folding``), and from then on they do not."""
    try:
        for kind in SUMMED_KINDS:
            _finish(folder, kind)
        for file, kind, process in _value_files(folder):
            if process == ENDED or _is_running(int(process)):
                continue
            if kind in SUMMED_KINDS:
                file.rename(file.with_suffix(".folding"))
            else:
                file.unlink()
        for kind in SUMMED_KINDS:
            _sum_up(folder, kind)
    except OSError as error:
        # A full folder, say. Whoever looks is shown the files as they are.
        log.warning("metrics.not_folded", exc_info=error)


def _is_running(pid: int) -> bool:
    try:
        # Sends nothing, and not every system has /proc.
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _sum_up(folder: Path, kind: str) -> None:
    ended = sorted(folder.glob(f"{kind}_*.folding"))
    if not ended:
        return
    sums: defaultdict[str, float] = defaultdict(float)
    for file in (folder / f"{kind}_{ENDED}.db", *ended):
        if file.exists() and _is_whole(str(file)):
            for name, value, _, _ in _read_values(str(file)):
                sums[name] += value
    unfinished = folder / f"{kind}.new"
    _write(unfinished, sums)
    unfinished.rename(folder / f"{kind}.ready")
    _finish(folder, kind)


def _finish(folder: Path, kind: str) -> None:
    ready = folder / f"{kind}.ready"
    if ready.exists():
        for file in folder.glob(f"{kind}_*.folding"):
            file.unlink()
        ready.rename(folder / f"{kind}_{ENDED}.db")


def _write(file: Path, sums: Mapping[str, float]) -> None:
    """As prometheus_client writes. Raises OSError in a full folder, where mapped pages that are not there
    yet would end the process: so all of them are, before the first is mapped."""
    file.write_bytes(bytes(HEAD_BYTES + sum(len(name.encode()) + VALUE_BYTES for name in sums)))
    values = _Values(str(file))
    for name, value in sums.items():
        values.write_value(name, value, 0.0)
    values.close()


def _merged(files: list[str]) -> Iterable[Metric]:
    """Without those that are damaged; looked for one by one only if there is one."""
    try:
        found: Iterable[Metric] = _merge(files)
    except Exception:
        found = _merge([file for file in files if _is_whole(file)])
    return found


def _is_whole(file: str) -> bool:
    try:
        _merge([file])
    except Exception as error:
        # Bytes that somebody has cut off fail in as many ways as there are places to cut.
        log.warning("metrics.damaged_file", file=file, error=repr(error))
        return False
    return True

"""Files through which several processes show their metrics: damaged ones, and of ended processes."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from service_kit import shared_metrics
from service_kit.metrics import JOB_RUNS, POOL_IN_USE, TRANSACTION_SECONDS, register
from service_kit.shared_metrics import SharedMetrics, fold_ended_processes
from tests.kit.conftest import MakeSettings, client_of, serving
from tests.kit.sharing import running
from tests.metrics import values

COUNTING = """
import os, sys
from service_kit.metrics import COMMITTED, JOB_RUNS, POOL_IN_USE
JOB_RUNS.labels("sweep", "succeeded").inc()
COMMITTED.observe(0.004)
POOL_IN_USE.set(3)
print("ready", flush=True)
sys.stdin.read()
"""
# Its children end, one after the other, and each has counted once.
FORKING = """
import os
from service_kit.metrics import COMMITTED, JOB_RUNS, forget_ended_processes
for _ in range({children}):
    child = os.fork()
    if not child:
        {first}
        JOB_RUNS.labels("sweep", "succeeded").inc()
        COMMITTED.observe(0.004)
        os._exit(0)
    os.waitpid(child, 0)
"""
RUNS = ("job_runs_total", (("name", "sweep"), ("outcome", "succeeded")))
COMMITS = ("database_transaction_seconds_count", (("outcome", "committed"),))
POOL = ("database_pool_in_use_connections", ())
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "cut off in its head": lambda whole: whole[:3],
    "cut off in a value": lambda whole: whole[:60],
    "other bytes": lambda whole: whole[:8] + b"\xff" * 200,
    "no names": lambda whole: whole[:8] + whole[8:].replace(b'"', b"'"),
}


def fork_and_count(folder: Path, children: int, first: str = "pass") -> None:
    subprocess.run(
        [sys.executable, "-c", FORKING.format(children=children, first=first)],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        check=True,
    )


def registry_of(folder: Path) -> CollectorRegistry:
    own, shared = CollectorRegistry(), CollectorRegistry()
    register(own, (JOB_RUNS, POOL_IN_USE, TRANSACTION_SECONDS))
    shared.register(SharedMetrics(folder, own))
    return shared


def shown(folder: Path) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return values(generate_latest(registry_of(folder)).decode())


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if file.name != ".lock")


def test_a_damaged_file_of_an_ended_process_is_left_out_and_goes(tmp_path: Path) -> None:
    with running(COUNTING, tmp_path) as pid:
        for kind in ("counter", "histogram", "gauge_livesum"):
            for damage in DAMAGES.values():
                damaged = tmp_path / f"{kind}_4194305.db"
                damaged.write_bytes(damage((tmp_path / f"{kind}_{pid}.db").read_bytes()))
                found = shown(tmp_path)
                assert found[RUNS] == found[COMMITS] == 1
                assert not damaged.exists()


def test_a_damaged_file_of_a_process_that_lives_is_left_out(tmp_path: Path) -> None:
    with running(COUNTING, tmp_path), running(COUNTING, tmp_path) as other:
        file = tmp_path / f"counter_{other}.db"
        whole = file.read_bytes()
        for damage in DAMAGES.values():
            # Not the file that its process has mapped: one cut off would end it.
            file.unlink()
            file.write_bytes(damage(whole))
            found = shown(tmp_path)
            assert found[RUNS] == 1
            assert found[COMMITS] == 2
            assert file.exists()


def test_a_damaged_sum_of_ended_processes_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "counter_ended.db").write_bytes(b"")
    fork_and_count(tmp_path, 2)
    assert shown(tmp_path)[RUNS] == 2


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    names = ["counter_me.db", "notes.db", "counter_1.txt"]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    assert shown(tmp_path) == {}
    assert files(tmp_path) == sorted(names)


def test_ended_processes_keep_their_sums_in_two_files(tmp_path: Path) -> None:
    with running(COUNTING, tmp_path):
        fork_and_count(tmp_path, 20)
        assert len(files(tmp_path)) > 40
        for _ in range(2):
            found = shown(tmp_path)
            assert found[RUNS] == found[COMMITS] == 21
            assert found[POOL] == 3
        assert len(files(tmp_path)) == 2 + 3
    found = shown(tmp_path)
    assert found[RUNS] == found[COMMITS] == 21
    assert POOL not in found
    assert files(tmp_path) == ["counter_ended.db", "histogram_ended.db"]


def test_what_a_forked_process_does_first_keeps_the_files_few_where_nobody_looks(
    tmp_path: Path,
) -> None:
    fork_and_count(tmp_path, 10, first="forget_ended_processes()")
    assert len(files(tmp_path)) <= 10
    assert shown(tmp_path)[RUNS] == 10


def test_a_process_that_begins_folds_those_before_it(tmp_path: Path) -> None:
    for _ in range(3):
        with running(COUNTING, tmp_path):
            assert len(files(tmp_path)) <= 2 + 3
    assert shown(tmp_path)[RUNS] == 3


@pytest.fixture(scope="module")
def unfolded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sums of one process, and two that have ended since."""
    folder = tmp_path_factory.mktemp("unfolded")
    fork_and_count(folder, 1)
    fold_ended_processes(folder)
    fork_and_count(folder, 2)
    return folder


@pytest.mark.parametrize("step", ["write_bytes", "rename", "unlink"])
@pytest.mark.parametrize("calls", range(5))
def test_whoever_is_killed_while_folding_loses_nothing_and_adds_nothing_twice(
    unfolded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, calls: int
) -> None:
    shutil.copytree(unfolded, tmp_path, dirs_exist_ok=True)
    left = calls
    do = getattr(Path, step)

    def die_at_last(self: Path, *arguments: object) -> object:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return do(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Path, step, die_at_last)
        with contextlib.suppress(KeyboardInterrupt):
            fold_ended_processes(tmp_path)
    for _ in range(2):
        found = shown(tmp_path)
        assert found[RUNS] == found[COMMITS] == 3
    assert files(tmp_path) == ["counter_ended.db", "histogram_ended.db"]


def test_in_a_full_folder_the_files_are_shown_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    fork_and_count(tmp_path, 2)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", refuse)
        for _ in range(2):
            assert shown(tmp_path)[RUNS] == 2
    assert shown(tmp_path)[RUNS] == 2


FOLDING = """
import sys
from pathlib import Path
from service_kit import shared_metrics
if sys.argv[2] == "without room":
    shared_metrics.HEAD_BYTES, shared_metrics.VALUE_BYTES = 1 << 16, 0
    Path.write_bytes = lambda file, data: file.touch()
shared_metrics.fold_ended_processes(Path(sys.argv[1]))
"""


@pytest.fixture
def small_folder(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, as a container's /tmp is."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system of its own needs root, and a machine that lets it mount one")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.parametrize(
    ("way", "code"),
    [("with room", 0), ("without room", -signal.SIGBUS)],
    ids=["it", "control-pages-that-are-mapped-only"],
)
def test_a_folder_that_is_really_full_ends_nobody_who_folds(
    small_folder: Path, way: str, code: int
) -> None:
    fork_and_count(small_folder, 2)
    # Whose room would do.
    for gauge in small_folder.glob("gauge_*"):
        gauge.unlink()
    with contextlib.suppress(OSError), (small_folder / "filling").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    command = [sys.executable, "-c", FOLDING, str(small_folder), way]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    if not code:
        assert "metrics.not_folded" in done.stdout + done.stderr
        assert shown(small_folder)[RUNS] == 2
    (small_folder / "filling").unlink()
    assert shown(small_folder)[RUNS] == 2
    assert files(small_folder) == ["counter_ended.db", "histogram_ended.db"]


def test_nobody_looks_while_another_folds(unfolded: Path, tmp_path: Path) -> None:
    shutil.copytree(unfolded, tmp_path, dirs_exist_ok=True)
    seen: list[float] = []
    reader = threading.Thread(target=lambda: seen.append(shown(tmp_path)[RUNS]))
    with shared_metrics._alone(tmp_path):
        reader.start()
        reader.join(0.3)
        assert seen == []
    reader.join()
    assert seen == [3]


async def test_files_are_not_read_while_everybody_waits(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: list[threading.Thread] = []

    def expose(registry: CollectorRegistry) -> bytes:
        readers.append(threading.current_thread())
        return b""

    async with serving(make_settings()) as app, client_of(app) as client:
        monkeypatch.setattr("service_kit.metrics.expose", expose)
        await client.get("http://localhost/metrics")
    assert readers != [threading.current_thread()]
    assert len(readers) == 1


@pytest.mark.parametrize("sums", [{}, {"a": 1.5}, {"a" * length: length for length in range(1, 9)}])
def test_what_is_written_is_read_again(tmp_path: Path, sums: dict[str, float]) -> None:
    file = tmp_path / "file"
    shared_metrics._write(file, sums)
    found = {key: value for key, value, _, _ in shared_metrics._read_values(str(file))}
    assert found == sums

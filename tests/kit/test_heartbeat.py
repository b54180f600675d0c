"""The file by which a health check sees that a process without HTTP is stuck."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import Celery
from celery.signals import heartbeat_sent
from celery.worker import state

from service_kit.messaging.celery_heartbeat import HeartbeatScheduler, show_heartbeat_of_worker
from service_kit.messaging.periodic import PeriodicJob, run_jobs
from service_kit.observability.heartbeat import Heartbeat

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = (ROOT / "docker-compose.yml").read_text()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "heartbeat"
    monkeypatch.setenv("HEARTBEAT_FILE", str(path))
    return path


@pytest.fixture
def clock() -> Iterator[SimpleNamespace]:
    yield SimpleNamespace(now=100.0)


def is_healthy(minutes: str = "1") -> bool:
    """As Compose asks, with another limit."""
    [check] = re.findall(r'"CMD-SHELL", "(find [^"]+)"', COMPOSE_FILE)
    script = check.replace("$$", "$").replace("-mmin -1", f"-mmin -{minutes}")
    return subprocess.run(["sh", "-c", script], stderr=subprocess.DEVNULL).returncode == 0


def touched_since(file: Path, at: float) -> bool:
    return file.exists() and file.stat().st_mtime > at


def age(file: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(file, (then, then))


def test_work_that_ends_touches_the_file_and_work_that_is_stuck_keeps_others_from_it(
    file: Path, clock: SimpleNamespace
) -> None:
    heartbeat = Heartbeat(file, stuck_after_seconds=60, clock=lambda: clock.now)
    with heartbeat.at_work():
        assert not file.exists()
    assert file.exists()

    with heartbeat.at_work():
        for seconds, is_touched in ((50, True), (20, False), (3600, False)):
            clock.now += seconds
            file.unlink(missing_ok=True)
            with heartbeat.at_work():
                pass
            assert file.exists() is is_touched
    assert file.exists()


def test_without_a_name_for_the_file_none_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HEARTBEAT_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    Heartbeat.from_environment(stuck_after_seconds=1).beat()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_stuck", [False, True], ids=["control", "stuck"])
async def test_a_job_that_never_comes_back_is_seen_although_others_go_on(
    file: Path, is_stuck: bool
) -> None:
    stop, turns = asyncio.Event(), 0
    heartbeat = Heartbeat(file, stuck_after_seconds=0.2)

    async def hang() -> None:
        if is_stuck:
            await stop.wait()

    async def go_on() -> None:
        nonlocal turns
        turns += 1

    jobs = (PeriodicJob(hang, 0.05), PeriodicJob(go_on, 0.05))
    running = asyncio.create_task(run_jobs(jobs, stop, heartbeat=heartbeat))
    await asyncio.sleep(0.5)
    before, at = turns, time.time()
    await asyncio.sleep(1.5)
    assert turns > before
    assert touched_since(file, at) is not is_stuck
    stop.set()
    await running


def test_a_job_that_fails_is_not_stuck(file: Path) -> None:
    async def run(work: Callable[[], Awaitable[None]]) -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.2, stop.set)
        await run_jobs([PeriodicJob(work, 0.05)], stop)

    async def fail() -> None:
        raise ConnectionError

    asyncio.run(run(fail))
    assert file.exists()


RELAY_LIKE = """
import asyncio
from service_kit.messaging.periodic import PeriodicJob, run_jobs
async def work(): pass
asyncio.run(run_jobs([PeriodicJob(work, 0.1)], asyncio.Event()))
"""


def test_a_frozen_process_is_unhealthy_and_healthy_again_when_it_goes_on(file: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "service-kit")}
    process = subprocess.Popen([sys.executable, "-c", RELAY_LIKE], env=environment)

    def becomes(healthy: bool) -> bool:
        deadline = time.monotonic() + 20
        while is_healthy("0.04") is not healthy and time.monotonic() < deadline:
            time.sleep(0.1)
        return is_healthy("0.04") is healthy

    try:
        assert becomes(True)
        process.send_signal(signal.SIGSTOP)
        assert becomes(False)
        process.send_signal(signal.SIGCONT)
        assert becomes(True)
    finally:
        process.kill()
        process.wait()
    assert becomes(False)


def test_a_worker_is_healthy_while_each_message_in_hand_is_done_in_time(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent of processes that are all frozen goes on and says that all is well."""
    monkeypatch.setattr(heartbeat_sent, "receivers", [])
    show_heartbeat_of_worker(task_limit_seconds=1)
    in_hand: list[SimpleNamespace] = []
    monkeypatch.setattr(state, "reserved_requests", in_hand)

    def touches() -> bool:
        file.unlink(missing_ok=True)
        heartbeat_sent.send(sender=None)
        return file.exists()

    assert touches()
    in_hand.append(SimpleNamespace(id="first"))
    time.sleep(1.1)
    assert touches()
    in_hand[:] = [SimpleNamespace(id="second")]
    time.sleep(1.1)
    assert touches()
    time.sleep(1.1)
    assert not touches()
    in_hand.clear()
    assert touches()


def test_beat_touches_the_file_each_time_that_it_has_looked_at_its_schedule(file: Path) -> None:
    scheduler = HeartbeatScheduler(Celery("beat", set_as_current=False), lazy=True)
    assert scheduler.tick() <= HeartbeatScheduler.max_interval
    assert file.exists()


@pytest.mark.parametrize(("seconds", "healthy"), [(30, True), (90, False)])
def test_the_health_check_tells_by_age(file: Path, seconds: float, healthy: bool) -> None:
    file.touch()
    age(file, seconds)
    assert is_healthy() is healthy


def test_before_the_first_round_a_process_is_not_healthy(file: Path) -> None:
    assert not is_healthy()

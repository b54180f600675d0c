"""Metrics of several processes, of processes without HTTP, and of what a service sends away."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from service_kit.circuit_breaker import CircuitBreaker
from service_kit.messaging.periodic import repeat
from service_kit.metrics import OF_JOBS, OF_RELAYS, expose, register
from service_kit.observability import metrics_server
from service_kit.observability.gauges import refresh_periodically
from service_kit.observability.metrics_server import MetricsServer
from service_kit.shared_metrics import fold_ended_processes
from stack.ports import free_port
from tests.kit.conftest import Door, MakeSettings, client_of, serving
from tests.kit.sharing import running, shared_by
from tests.metrics import bad_names, differences, documented, families, moved, values

# Two processes count; the first has ended when a third shows what both have counted.
COUNTING = """
import sys
from service_kit.metrics import JOB_RUNS, POOL_IN_USE
JOB_RUNS.labels("sweep", "succeeded").inc()
POOL_IN_USE.set(3)
"""
SHOWING = """
from prometheus_client import CollectorRegistry
from service_kit.metrics import JOB_RUNS, POOL_IN_USE, PUBLISHED, expose, register
POOL_IN_USE.set(4)
PUBLISHED.inc()
registry = CollectorRegistry()
register(registry, (JOB_RUNS, POOL_IN_USE))
print(expose(registry).decode())
"""
# One process has met a server that was away, and has nothing to do since; others meet it again.
IDLE = """
import sys
from service_kit.circuit_breaker import CircuitBreaker
breaker = CircuitBreaker("mail-server")
breaker.record_failure()
print("ready", flush=True)
sys.stdin.read()
"""
MEETING = """
from prometheus_client import CollectorRegistry
from service_kit.circuit_breaker import CircuitBreaker
from service_kit.metrics import CIRCUIT_OPEN, expose, register
breaker = CircuitBreaker("mail-server")
{report}
registry = CollectorRegistry()
register(registry, [CIRCUIT_OPEN])
print(expose(registry).decode())
"""


def run(program: str, folder: Path) -> str:
    return subprocess.run(
        [sys.executable, "-c", program],
        env=shared_by(folder),
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_several_processes_answer_for_each_other(tmp_path: Path) -> None:
    for _ in range(2):
        run(COUNTING, tmp_path / "shared")
    shown = run(SHOWING, tmp_path / "shared")
    assert 'job_runs_total{name="sweep",outcome="succeeded"} 2.0' in shown
    # Nobody has registered it here.
    assert "outbox_messages_published_total" not in shown
    # A gauge is of those that live.
    assert "database_pool_in_use_connections 4.0" in shown


def test_control_without_the_folder_each_answers_for_itself(tmp_path: Path) -> None:
    run(COUNTING, tmp_path / "one")
    assert "job_runs_total{" not in run(SHOWING, tmp_path / "another")


def test_a_process_without_http_shows_what_is_described(make_settings: MakeSettings) -> None:
    settings = make_settings(metrics_port=free_port())
    server = MetricsServer(settings, OF_RELAYS)
    try:
        shown = families(httpx.get(f"http://127.0.0.1:{settings.metrics_port}/metrics").text)
    finally:
        server.close()
    assert bad_names(shown) == []
    described = documented("Of every process", "Relays and maintenance")
    assert differences(shown, described) == []


@pytest.mark.parametrize("said", [b"", b"GET /metrics HTTP/1.1\r\nHost: a"])
def test_who_says_nothing_further_is_hung_up_on(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    assert metrics_server._Handler.timeout == 5
    monkeypatch.setattr(metrics_server._Handler, "timeout", 0.2)
    settings = make_settings(metrics_port=free_port())
    server = MetricsServer(settings, OF_RELAYS)
    try:
        with socket.create_connection(("127.0.0.1", settings.metrics_port), timeout=10) as idle:
            idle.sendall(said)
            assert idle.recv(1) == b""
    finally:
        server.close()


def test_nothing_but_metrics_is_there(make_settings: MakeSettings) -> None:
    settings = make_settings(metrics_port=free_port())
    server = MetricsServer(settings, OF_RELAYS)
    address = f"http://127.0.0.1:{settings.metrics_port}"
    try:
        found = [
            httpx.get(f"{address}{path}").status_code for path in ("/", "/metricsx", "/favicon.ico")
        ]
        assert found == [404] * 3
        assert httpx.post(f"{address}/metrics").status_code == 501
        assert httpx.get(f"{address}/metrics?name[]=x").status_code == 200
    finally:
        server.close()


def test_nobody_listens_where_no_port_is_named(make_settings: MakeSettings) -> None:
    server = MetricsServer(make_settings(), OF_JOBS)
    assert server._server is None
    server.close()


async def test_who_is_sent_away_is_counted(make_settings: MakeSettings) -> None:
    async with serving(make_settings(max_concurrent_requests=1)) as app, client_of(app) as client:
        app.state.door = Door()
        waiting = asyncio.create_task(client.get("/door"))
        await app.state.door.went_in.acquire()
        before = await read(app)
        assert (await client.get("/open")).status_code == 503
        app.state.door.is_open.set()
        await waiting
        assert moved(before, await read(app))["http_requests_shed_total"] == 1


async def test_who_has_sent_too_many_is_counted_by_the_limits_name(
    make_settings: MakeSettings,
) -> None:
    settings = make_settings(rate_limit_enabled=True)
    # An address of its own: the limit counts what other tests have asked for, too.
    address = ("198.51.100.77", 5000)
    async with serving(settings) as app, client_of(app, client=address) as client:
        before = await read(app)
        answers = [(await client.get("/things/7/narrow")).status_code for _ in range(5)]
        assert answers == [200, 200, 200, 429, 429]
        assert moved(before, await read(app))["rate_limit_refusals_total{narrow}"] == 2


async def test_the_pool_is_seen(make_settings: MakeSettings) -> None:
    async with serving(make_settings(database_pool_size=3)) as app:
        async with app.state.database.engine.connect():
            shown = await read(app)
    assert "database_pool_in_use_connections 1.0" in shown
    assert "database_pool_size_connections 3.0" in shown


def test_a_breaker_shows_whether_it_is_open() -> None:
    breaker = CircuitBreaker("cache")
    states = []
    for report in (breaker.record_failure, breaker.record_success, breaker.record_failure):
        report()
        states.append(breaker._gauge._value.get())
    breaker.record_success()
    assert states == [1, 0, 1]


@pytest.mark.parametrize(
    ("report", "value"),
    [("breaker.record_success()", "0.0"), ("breaker.record_failure()", "1.0"), ("", "1.0")],
    ids=["works", "is away", "nobody asks"],
)
def test_of_several_processes_the_last_to_ask_says_whether_a_breaker_is_open(
    tmp_path: Path, report: str, value: str
) -> None:
    with running(IDLE, tmp_path):
        shown = run(MEETING.format(report=report), tmp_path)
    assert f'circuit_breaker_open{{dependency="mail-server"}} {value}' in shown


async def read(app: FastAPI) -> str:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return (await client.get("/metrics")).text


@pytest.mark.parametrize(("path", "status"), [("/crash", 500), ("/busy", 503)])
async def test_the_first_error_of_a_route_is_an_increase(
    make_settings: MakeSettings, path: str, status: int
) -> None:
    """Prometheus sees no increase in a series that begins at 1."""
    labels = (("method", "GET"), ("route", f"/api/v1{path}"), ("status", str(status)))
    series = ("http_requests_total", labels)
    async with serving(make_settings(lock_timeout_seconds=0.1)) as app, client_of(app) as client:
        assert values(await read(app)).get(series) == 0
        await client.get(path)
        assert values(await read(app)).get(series) == 1


async def test_each_limit_has_its_series_from_the_start(make_settings: MakeSettings) -> None:
    async with serving(make_settings()) as app:
        series = ("rate_limit_refusals_total", (("limit", "default"),))
        assert series in values(await read(app))


async def test_the_first_failure_of_a_job_is_an_increase() -> None:
    stop = asyncio.Event()

    def counted(outcome: str) -> float | None:
        registry = CollectorRegistry()
        register(registry, OF_JOBS)
        labels = (("name", job.__qualname__), ("outcome", outcome))
        return values(expose(registry).decode()).get(("job_runs_total", labels))

    async def job() -> None:
        seen.append((counted("succeeded"), counted("failed")))
        stop.set()
        raise OSError

    seen: list[tuple[float | None, float | None]] = []
    await repeat(job, every_seconds=60, stop=stop)
    assert seen == [(0, 0)]
    assert counted("failed") == 1


@pytest.mark.parametrize("method", ["CONFOUND", "X" * 20])
async def test_a_made_up_method_makes_no_series(make_settings: MakeSettings, method: str) -> None:
    async with serving(make_settings()) as app, client_of(app) as client:
        await client.request(method, "/open")
        shown = await read(app)
    assert method not in shown
    assert 'method="(other)"' in shown


async def test_gauges_are_measured_again_after_a_failure_of_any_kind() -> None:
    measured: list[int] = []
    enough = asyncio.Event()

    async def measure() -> None:
        measured.append(len(measured))
        if len(measured) == 1:
            raise ValueError("a message that nobody can read")
        enough.set()

    async with refresh_periodically(measure, every_seconds=0.01), asyncio.timeout(5):
        await enough.wait()


def test_who_has_ended_is_known_without_proc(tmp_path: Path) -> None:
    """macOS has none; there every process counted as ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (os.getpid(), ended.pid, 1):
        (tmp_path / f"gauge_livesum_{pid}.db").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "exists", lambda _: False)
        fold_ended_processes(tmp_path)
    left = {int(file.stem.rpartition("_")[2]) for file in tmp_path.glob("*.db")}
    assert left == {os.getpid(), 1}

"""Each alert fires once over a staged fault, and each panel of the dashboard shows something: a real
Prometheus asks the processes of a real stack."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis

from notification_service.health import QUEUE_KEY
from service_kit.messaging.celery_app import SENT_AT
from stack.services import EVENT, NOTIFICATION
from stack.stack import Stack
from tests.system.panels import draw, read_series
from tests.system.people import Mailbox, Person, publish, wait_until
from tests.system.prometheus import MISSING, MONITORING, Prometheus, running_prometheus, shorten
from tests.system.site import LONG_DAYS
from tests.system.standby import running_standby

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"no {', '.join(MISSING)} here (scripts/monitoring-check --install)"
)

# How many requests are inside a process at once: so few that a test can fill it.
PLACES = 20
# A busy machine is slow, and its disk may be full.
OF_THE_MACHINE = {"Latency", "DiskFull"}
LAST_APPLIED = "SELECT pg_last_xact_replay_timestamp()"


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    """One of this module's own: it is broken on purpose."""
    with tempfile.TemporaryDirectory(prefix="parterre-alerts-") as folder:
        os.chmod(folder, 0o711)
        settings = {
            "GAUGES_REFRESH_SECONDS": "0.5", "RECONCILE_SECONDS": "600",
            "MAX_CONCURRENT_REQUESTS": str(PLACES),
        }  # fmt: skip
        stack = Stack(Path(folder), settings=settings, free_ports=True, durable=False)
        stack.start()
        yield stack
        stack.stop()


@pytest.fixture(scope="module")
def prometheus(own_stack: Stack) -> Iterator[Prometheus]:
    with tempfile.TemporaryDirectory(prefix="parterre-prometheus-") as folder:
        with running_prometheus(own_stack, Path(folder)) as prometheus:
            note_backup(prometheus, time.time())
            prometheus.wait_for_silence(*(prometheus.firing() | {"BackupTooOld"}) - OF_THE_MACHINE)
            yield prometheus


@pytest.fixture(scope="module")
def guest(own_stack: Stack) -> Iterator[Person]:
    mailbox = Mailbox(own_stack.url("mailbox"))
    person = Person(own_stack, mailbox, "guest@example.com")
    person.register()
    person.verify()
    person.sign_in()
    yield person
    person.http.close()


async def locked(url: str, table: str, meanwhile: Callable[[], None]) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            await asyncio.to_thread(meanwhile)
    finally:
        await connection.close()


def note_backup(prometheus: Prometheus, at: float) -> None:
    name = "parterre_backup_last_success_timestamp_seconds"
    (prometheus.textfiles / "backup.prom").write_text(f"{name} {at}\n")


@contextmanager
def frozen(stack: Stack, name: str) -> Iterator[None]:
    pid = stack.processes[name].pid
    assert pid is not None
    os.killpg(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(pid, signal.SIGCONT)


def execute(stack: Stack, service: Any, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(stack.environments.database_url(service))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def broker_of(stack: Stack) -> Any:
    return redis.Redis.from_url(stack.environments.broker_url)


def panels() -> list[dict[str, Any]]:
    """Those of the dashboard that ask something."""
    text = (MONITORING / "grafana" / "dashboards" / "parterre.json").read_text()
    return [panel for panel in json.loads(text)["panels"] if "targets" in panel]


def expressions() -> list[tuple[str, str]]:
    """Title and expression of each query of the dashboard."""
    return [(one["title"], target["expr"]) for one in panels() for target in one["targets"]]


def test_each_query_of_the_dashboard_shows_something(
    own_stack: Stack, prometheus: Prometheus, guest: Person
) -> None:
    event = publish(guest, title="Watched")
    assert expressions()
    silent: list[str] = []

    def look() -> bool:
        # Again and again: a rate needs traffic within its range.
        assert guest.book(event).status_code in (201, 409)
        guest.send("GET", f"/events/{event['id']}", 200)
        guest.send("GET", "/notifications", 200)
        silent[:] = [
            f"{title}: {expression}"
            for title, expression in expressions()
            if not [r for r in prometheus.query(shorten(expression)) if r["value"][1] != "NaN"]
        ]
        return not silent

    try:
        wait_until(look, seconds=60, what="queries that all show something")
    except AssertionError:
        assert silent == []
        raise
    drawn = [(panel["title"], read_series(prometheus, panel)) for panel in panels()]
    assert [title for title, series in drawn if not series] == []
    picture = Path(os.environ.get("DASHBOARD_PICTURE", prometheus.textfiles.parent / "panels.svg"))
    picture.write_text(draw(drawn))


def test_control_a_query_of_a_metric_that_nobody_shows_is_found(prometheus: Prometheus) -> None:
    assert prometheus.query("seats_sold_total") == []


def test_no_alert_fires_while_all_is_well(prometheus: Prometheus, guest: Person) -> None:
    prometheus.wait_for_silence("BackupTooOld", "ProcessAway", "BeatAway", "NoWorker", "RedisAway")
    assert prometheus.firing() - OF_THE_MACHINE == set()


def test_no_worker_and_a_queue_that_stands_still(own_stack: Stack, prometheus: Prometheus) -> None:
    with frozen(own_stack, "notification-worker"), broker_of(own_stack) as broker:
        prometheus.wait_for("NoWorker")
        old = {"headers": {SENT_AT: time.time() - 3600}}
        broker.rpush(QUEUE_KEY, json.dumps(old))
        prometheus.wait_for("QueueStandsStill")
        broker.lrem(QUEUE_KEY, 0, json.dumps(old))
    prometheus.wait_for_silence("NoWorker", "QueueStandsStill")


def test_a_beat_that_is_away(own_stack: Stack, prometheus: Prometheus) -> None:
    with frozen(own_stack, "notification-beat"):
        prometheus.wait_for("BeatAway")
    prometheus.wait_for_silence("BeatAway")


def test_a_mail_that_is_too_old(own_stack: Stack, prometheus: Prometheus, guest: Person) -> None:
    unsent = (
        "UPDATE notification SET status = 'queued', sent_at = NULL, wanted_at = now() - interval"
        " '1 hour', next_attempt_at = now() + interval '1 hour' WHERE kind = 'verify-email'"
    )
    execute(own_stack, NOTIFICATION, unsent)
    prometheus.wait_for("OldestMailTooOld")
    sent = "UPDATE notification SET status = 'sent', sent_at = now() WHERE kind = 'verify-email'"
    execute(own_stack, NOTIFICATION, sent)
    prometheus.wait_for_silence("OldestMailTooOld")


def test_a_message_that_is_too_old_and_a_relay_that_is_away(
    own_stack: Stack, prometheus: Prometheus, guest: Person
) -> None:
    with frozen(own_stack, "event-relay"):
        assert guest.book(publish(guest, title="Late")).status_code == 201
        aged = "UPDATE outbox SET created_at = now() - interval '1 hour' WHERE published_at IS NULL"
        execute(own_stack, EVENT, aged)
        prometheus.wait_for("OldestMessageTooOld")
        prometheus.wait_for("ProcessAway")
    prometheus.wait_for_silence("OldestMessageTooOld", "ProcessAway")


def test_a_mail_server_that_is_away(own_stack: Stack, prometheus: Prometheus) -> None:
    waiting = Person(own_stack, Mailbox(own_stack.url("mailbox")), "waits@example.com")
    with own_stack.without("mailbox"):
        waiting.register()
        prometheus.wait_for("MailServerAway")
    waiting.http.close()
    prometheus.wait_for_silence("MailServerAway")


def test_a_broker_that_is_full(own_stack: Stack, prometheus: Prometheus) -> None:
    with broker_of(own_stack) as broker:
        limit = broker.config_get("maxmemory")["maxmemory"]
        broker.config_set("maxmemory", int(broker.info("memory")["used_memory"] * 1.02))
        try:
            prometheus.wait_for("BrokerFull")
        finally:
            broker.config_set("maxmemory", limit if int(limit) else 0)
    prometheus.wait_for_silence("BrokerFull")


def test_a_cache_that_is_away(own_stack: Stack, prometheus: Prometheus) -> None:
    with own_stack.without("redis-cache"):
        prometheus.wait_for("RedisAway")
    prometheus.wait_for_silence("RedisAway")


def test_a_backup_that_is_too_old_or_missing(prometheus: Prometheus) -> None:
    note_backup(prometheus, time.time() - 48 * 3600)
    prometheus.wait_for("BackupTooOld")
    note_backup(prometheus, time.time())
    prometheus.wait_for_silence("BackupTooOld")
    (prometheus.textfiles / "backup.prom").unlink()
    prometheus.wait_for("BackupTooOld")
    note_backup(prometheus, time.time())
    prometheus.wait_for_silence("BackupTooOld")


def test_deadlocks(own_stack: Stack, prometheus: Prometheus) -> None:
    url = own_stack.environments.database_url(EVENT)

    async def lock_each_other() -> None:
        first, second = [await asyncpg.connect(url) for _ in range(2)]
        try:
            await asyncio.gather(*(c.execute("BEGIN") for c in (first, second)))
            await first.execute("SELECT pg_advisory_xact_lock(1)")
            await second.execute("SELECT pg_advisory_xact_lock(2)")
            results = await asyncio.gather(
                first.execute("SELECT pg_advisory_xact_lock(2)"),
                second.execute("SELECT pg_advisory_xact_lock(1)"),
                return_exceptions=True,
            )
            assert [isinstance(r, asyncpg.DeadlockDetectedError) for r in results].count(True) == 1
        finally:
            await first.close()
            await second.close()

    def once_more() -> bool:
        asyncio.run(lock_each_other())
        return "Deadlocks" in prometheus.firing()

    wait_until(once_more, seconds=60, what="Deadlocks, which fires")
    prometheus.wait_for_silence("Deadlocks")


def test_answers_that_are_slow(own_stack: Stack, prometheus: Prometheus, guest: Person) -> None:
    url = own_stack.environments.database_url(EVENT)

    def ask_for_what_is_locked() -> bool:
        guest.send("GET", "/bookings")
        return "Latency" in prometheus.firing()

    def ask_until_it_fires() -> None:
        wait_until(ask_for_what_is_locked, seconds=60, what="Latency, which fires")

    asyncio.run(locked(url, "booking", ask_until_it_fires))


def test_a_crowd_that_is_sent_away(own_stack: Stack, prometheus: Prometheus, guest: Person) -> None:
    """Who waits for a lock keeps a place inside, until nobody else gets one."""
    url = own_stack.environments.database_url(EVENT)
    before = prometheus.query('sum(http_requests_shed_total{job="event"})')[0]["value"][1]

    def ask_in_a_crowd() -> bool:
        with ThreadPoolExecutor(2 * PLACES) as crowd:
            for _ in range(2 * PLACES):
                crowd.submit(guest.send, "GET", "/bookings")
        return "RequestsShed" in prometheus.firing(job="event")

    def ask_until_it_fires() -> None:
        wait_until(ask_in_a_crowd, seconds=60, what="RequestsShed, which fires")

    assert float(before) == 0
    asyncio.run(locked(url, "booking", ask_until_it_fires))
    prometheus.wait_for_silence("RequestsShed")


def test_a_certificate_that_ends_soon(prometheus: Prometheus) -> None:
    prometheus.site.use_certificate(3)
    prometheus.wait_for("CertificateEnds")
    prometheus.site.use_certificate(LONG_DAYS)
    prometheus.wait_for_silence("CertificateEnds")


@pytest.mark.parametrize("job", ["gateway", "certificate"])
def test_a_site_that_does_not_answer(prometheus: Prometheus, job: str) -> None:
    with prometheus.site.away(job):
        prometheus.wait_for("SiteAway", job=job)
    prometheus.wait_for_silence("SiteAway")


def test_a_disk_that_is_full(prometheus: Prometheus, tmp_path: Path) -> None:
    """A file system of its own, of 16 MB, so that the machine's goes on."""
    image, disk = tmp_path / "image", tmp_path / "disk"
    disk.mkdir()
    image.write_bytes(bytes(16 * 1024 * 1024))
    if shutil.which("mkfs.ext4") is None or os.geteuid() != 0:
        pytest.skip("a file system of its own needs mkfs.ext4 and root")
    subprocess.run(["mkfs.ext4", "-q", image], check=True, capture_output=True)
    mounted = subprocess.run(["mount", "-o", "loop", image, disk], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        of_it = f'node_filesystem_avail_bytes{{mountpoint="{disk}"}}'
        wait_until(lambda: prometheus.query(of_it), seconds=30, what="the disk's metrics")
        assert "DiskFull" not in prometheus.firing(mountpoint=str(disk))
        free = shutil.disk_usage(disk).free
        (disk / "filling").write_bytes(bytes(int(free * 0.95)))
        prometheus.wait_for("DiskFull", mountpoint=str(disk))
        (disk / "filling").unlink()
        no_more = lambda: "DiskFull" not in prometheus.firing(mountpoint=str(disk))  # noqa: E731
        wait_until(no_more, seconds=60, what="silence of DiskFull")
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_replica_that_lags(own_stack: Stack, prometheus: Prometheus) -> None:
    """It receives what is written, and does not apply it. This takes the minute that the alert allows."""
    with tempfile.TemporaryDirectory(prefix="parterre-standby-") as folder:
        os.chmod(folder, 0o711)
        port = prometheus.standby_port
        with running_standby(own_stack, Path(folder), exporter_port=port) as standby:
            is_replica = "max(pg_replication_is_replica) == 1"
            wait_until(lambda: prometheus.query(is_replica), seconds=90, what="a replica")
            execute(own_stack, EVENT, "CREATE TABLE written AS SELECT 1 AS x")
            # Until it has applied something, it does not know how far behind it is.
            known = lambda: asyncio.run(standby.ask(LAST_APPLIED)) is not None  # noqa: E731
            wait_until(known, seconds=60, what="a standby that follows")
            asyncio.run(standby.ask("SELECT pg_wal_replay_pause()"))
            assert "ReplicationLags" not in prometheus.firing()
            execute(own_stack, EVENT, "INSERT INTO written VALUES (2)")
            prometheus.wait_for("ReplicationLags", seconds=240)
            asyncio.run(standby.ask("SELECT pg_wal_replay_resume()"))
            prometheus.wait_for_silence("ReplicationLags")
            execute(own_stack, EVENT, "DROP TABLE written")


def test_a_database_that_is_away_and_errors_because_of_it(
    own_stack: Stack, prometheus: Prometheus, guest: Person
) -> None:
    """Last, because every process notices."""
    find: Callable[[], Any] = lambda: guest.send("GET", "/bookings").status_code  # noqa: E731
    with own_stack.without("postgres"):
        prometheus.wait_for("DatabaseAway")

        def errors() -> bool:
            assert find() == 503
            return "ErrorRate" in prometheus.firing()

        wait_until(errors, seconds=60, what="ErrorRate, which fires")
    wait_until(lambda: find() == 200, seconds=60, what="bookings again")
    prometheus.wait_for_silence("DatabaseAway", "ErrorRate")

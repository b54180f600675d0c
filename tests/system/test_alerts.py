"""Each alert fires once over a staged fault, and each panel of the dashboard shows something: a real
Prometheus asks the processes of a real stack."""

import asyncio
import json
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
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

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"no {', '.join(MISSING)} here (scripts/monitoring-check --install)"
)

# A busy machine is slow, and its disk may be full.
OF_THE_MACHINE = {"Latency", "DiskFull"}


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    """One of this module's own: it is broken on purpose."""
    with tempfile.TemporaryDirectory(prefix="parterre-alerts-") as folder:
        os.chmod(folder, 0o711)
        settings = {"GAUGES_REFRESH_SECONDS": "0.5", "RECONCILE_SECONDS": "600"}
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
    prometheus.wait_for_silence("BackupTooOld", "ProcessAway", "NoWorker", "RedisAway")
    assert prometheus.firing() - OF_THE_MACHINE == set()


def test_no_worker_and_a_queue_that_stands_still(own_stack: Stack, prometheus: Prometheus) -> None:
    with frozen(own_stack, "notification-worker"), broker_of(own_stack) as broker:
        prometheus.wait_for("NoWorker")
        old = {"headers": {SENT_AT: time.time() - 3600}}
        broker.rpush(QUEUE_KEY, json.dumps(old))
        prometheus.wait_for("QueueStandsStill")
        broker.lrem(QUEUE_KEY, 0, json.dumps(old))
    prometheus.wait_for_silence("NoWorker", "QueueStandsStill")


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

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction():
                await connection.execute("LOCK TABLE booking IN ACCESS EXCLUSIVE MODE")
                await asyncio.to_thread(
                    wait_until, ask_for_what_is_locked, seconds=60, what="Latency, which fires"
                )
        finally:
            await connection.close()

    asyncio.run(run())


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

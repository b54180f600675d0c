"""Each mail moves its metric, and nothing else is shown than what is described."""

import asyncio
import json
import time
from typing import Any

import httpx
import pytest
import redis.asyncio
from celery import Celery
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from redis import Redis

from notification_service.delivery.outcome import Outcome
from notification_service.health import QUEUE_KEY, Gauges, seconds_since_sent
from notification_service.kinds.registry import KINDS
from notification_service.metrics import ATTEMPT_OUTCOMES, OF_BEAT, OF_WORKER
from notification_service.process_metrics import on_task_sent, touch_tasks
from notification_service.settings import WorkerSettings
from service_kit.database.engine import Database
from service_kit.messaging.celery_app import SENT_AT, create_celery
from service_kit.messaging.contract import SEND
from service_kit.metrics import POOL_SIZE, expose, register
from stack.ports import free_port
from tests.metrics import bad_names, differences, documented, families, moved, values
from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_message
from tests.notifications.test_operations import gauge, wait_for


def shown_by(metrics: Any) -> str:
    registry = CollectorRegistry()
    register(registry, metrics)
    return expose(registry).decode()


async def test_what_the_api_shows_is_described_and_named_by_the_rules(
    client: httpx.AsyncClient,
) -> None:
    shown = families((await client.get("http://test/metrics")).text)
    sections = ("Of every process", "Of each service's API", "notification-service")
    described = documented(*sections)
    # It has no outbox: nobody hears of its messages.
    described.pop("outbox_oldest_unpublished_seconds")
    assert bad_names(shown) == []
    assert differences(shown, described) == []


@pytest.mark.parametrize(
    ("metrics", "sections"),
    [(OF_WORKER, ("Of every process", "Worker")), (OF_BEAT, ("Beat",))],
    ids=["worker", "beat"],
)
def test_what_worker_and_beat_show_is_described(metrics: Any, sections: tuple[str, ...]) -> None:
    shown = families(shown_by(metrics))
    assert bad_names(shown) == []
    assert differences(shown, documented(*sections)) == []


async def test_mails_and_attempts_by_kind_and_outcome(
    mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    before = shown_by(OF_WORKER)
    await mail_worker.receive(make_message("booking-confirmed"))
    # A kind that only the next release knows.
    await mail_worker.receive(make_message("surprise"))
    mail_server.answers("DATA", "451 Later")
    await mail_worker.receive(make_message("booking-confirmed"))
    found = moved(before, shown_by(OF_WORKER))
    assert found["mails_total{booking-confirmed,sent}"] == 1
    assert found["mails_total{unknown,failed}"] == 1
    assert found["mail_attempts_total{booking-confirmed,sent}"] == 1
    assert found["mail_attempts_total{booking-confirmed,postponed}"] == 1
    assert "surprise" not in shown_by(OF_WORKER)


def test_the_first_failure_of_a_task_and_of_an_attempt_is_an_increase() -> None:
    """Prometheus sees no increase in a series that begins at 1."""

    def send() -> None: ...

    app = Celery()
    # Not for all applications of this process.
    app.task(name=SEND, shared=False)(send)
    touch_tasks(app)
    shown = values(shown_by(OF_WORKER))
    tasks = {dict(labels)["task"] for name, labels in shown if name == "worker_tasks_total"}
    assert SEND in tasks
    assert [name for name in tasks if name.startswith("celery.")] == []
    assert ("worker_tasks_total", (("outcome", "failure"), ("task", SEND))) in shown
    for kind in (*KINDS, "unknown"):
        labels = (("kind", kind), ("outcome", "postponed"))
        assert ("mail_attempts_total", labels) in shown


def test_each_outcome_of_an_attempt_has_its_series() -> None:
    assert {word.__name__.lower() for word in Outcome.__subclasses__()} == set(ATTEMPT_OUTCOMES)


def test_what_beat_sends_is_counted() -> None:
    before = shown_by(OF_BEAT)
    on_task_sent()
    assert moved(before, shown_by(OF_BEAT)) == {"beat_tasks_sent_total": 1}


@pytest.fixture
def queue(app: FastAPI, options: dict[str, Any]) -> Any:
    with Redis.from_url(options["broker_url"]) as broker:
        broker.delete(QUEUE_KEY)
        yield broker
        broker.delete(QUEUE_KEY)


async def test_the_oldest_message_on_the_queue_is_the_one_that_goes_next(
    client: httpx.AsyncClient, queue: Any, options: dict[str, Any]
) -> None:
    sender = create_celery("tests", WorkerSettings(**options))
    for _ in range(2):
        await asyncio.to_thread(sender.send_task, "notifications.sweep", queue="notifications")
    await wait_for(client, "queue_length", 2)
    messages = [json.loads(message) for message in queue.lrange(QUEUE_KEY, 0, -1)]
    # The next one is at the end: as old as an hour, while the other is new.
    messages[1]["headers"][SENT_AT] -= 3600
    queue.lset(QUEUE_KEY, 1, json.dumps(messages[1]))
    await wait_for(client, "queue_oldest_seconds", 3600, 3700)
    queue.delete(QUEUE_KEY)
    await wait_for(client, "queue_oldest_seconds", 0)
    assert await gauge(client, "queue_length") == 0


@pytest.mark.parametrize("headers", [{}, {SENT_AT: "yesterday"}, {SENT_AT: time.time() + 3600}])
def test_a_message_that_does_not_say_when_it_was_sent_has_no_wait(headers: Any) -> None:
    assert seconds_since_sent(json.dumps({"headers": headers})) == 0.0


NO_MESSAGES = [
    b"", b"\xff\xfe", b"{", b"[]", b"7", b'{"headers": null}', b'{"headers": []}', b'{"headers": "x"}',
    b'{"headers": {"%s": NaN}}' % SENT_AT.encode(), b'{"headers": {"%s": true}}' % SENT_AT.encode(),
    b'{"headers": {"%s": 1%s}}' % (SENT_AT.encode(), b"0" * 400), b"[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("message", NO_MESSAGES, ids=lambda message: str(message[:30]))
def test_what_is_no_message_has_no_wait(message: bytes) -> None:
    assert seconds_since_sent(message) == 0.0


async def test_what_is_no_message_does_not_end_the_gauges(
    client: httpx.AsyncClient, queue: Any
) -> None:
    for message in NO_MESSAGES:
        queue.rpush(QUEUE_KEY, message)
        await wait_for(client, "queue_length", queue.llen(QUEUE_KEY))
    queue.delete(QUEUE_KEY)
    await wait_for(client, "queue_length", 0)


async def test_the_wait_is_unknown_while_the_broker_is_away(database: Database) -> None:
    """What was seen last may be long gone, and its alert would not end."""
    registry = CollectorRegistry()
    gauges = Gauges(registry)
    gauges.queue_oldest_seconds.set(3600)
    nobody = redis.asyncio.Redis(port=free_port())
    await gauges.refresh(database, nobody)
    await nobody.aclose()
    assert registry.get_sample_value("notifications_queue_length") == -1
    assert registry.get_sample_value("notifications_queue_oldest_seconds") == -1


async def test_the_pool_is_measured_with_the_gauges(database: Database) -> None:
    """Each process measures its own; Prometheus asks only one of several."""
    POOL_SIZE.set(0)
    broker = redis.asyncio.Redis(port=free_port())
    await Gauges(CollectorRegistry()).refresh(database, broker)
    await broker.aclose()
    assert POOL_SIZE._value.get() > 0

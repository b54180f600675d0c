"""Each mail moves its metric, and nothing else is shown than what is described."""

import asyncio
import json
import time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from redis import Redis

from notification_service.health import QUEUE_KEY, seconds_since_sent
from notification_service.metrics import OF_BEAT, OF_WORKER
from notification_service.process_metrics import on_task_sent
from notification_service.settings import WorkerSettings
from service_kit.messaging.celery_app import SENT_AT, create_celery
from service_kit.metrics import expose, register
from tests.metrics import bad_names, differences, documented, families, moved
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

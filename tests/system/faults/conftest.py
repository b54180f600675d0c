"""A pipeline of its own for each test: database, Redis, mail server, accounts, workers."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FreshDatabase
from tests.notifications.auth_server import AuthServerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.people import LIFE_SECONDS
from tests.processes import OwnRedis
from tests.system.conftest import SentryRecorder
from tests.system.faults.pipeline import Pipeline, build_pipeline, until
from tests.system.faults.table import FAULT, Tally


@pytest.fixture
def mail_server() -> Iterator[MailServerForTests]:
    server = MailServerForTests()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def auth_server() -> Iterator[AuthServerForTests]:
    server = AuthServerForTests()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_sentry() -> Iterator[SentryRecorder]:
    recorder = SentryRecorder()
    yield recorder
    recorder.close()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    redis = OwnRedis(tmp_path / "redis")
    redis.start()
    yield redis
    redis.process.thaw()
    redis.process.end()


@pytest.fixture
async def impatient(
    fresh_database: FreshDatabase,
    own_redis: OwnRedis,
    mail_server: MailServerForTests,
    auth_server: AuthServerForTests,
    own_sentry: SentryRecorder,
) -> dict[str, Any]:
    """Settings by name, with waits that a test can wait for."""
    await until(lambda: own_redis.is_ready, "Redis starts")
    return {
        "environment": "test",
        "database_url": await fresh_database("notification"),
        "cache_redis_url": own_redis.url,
        "broker_url": own_redis.url,
        "public_url": "https://parterre.example",
        "auth_service_url": auth_server.url,
        "service_client_id": "notification-service",
        "service_client_secret": "a-secret-that-is-long-enough-for-anybody",
        "sentry_dsn": own_sentry.dsn,
        "smtp_url": mail_server.url,
        "mail_from": "Parterre <tickets@parterre.example>",
        "smtp_timeout_seconds": 0.5,
        "lease_seconds": 3.0,
        "requeue_seconds": 2.0,
        "retry_first_seconds": 0.2,
        "retry_longest_seconds": 1.0,
        "outage_retry_longest_seconds": 1.0,
        "max_crashes": 50,
        "access_token_seconds": LIFE_SECONDS,
    }


@pytest.fixture
async def pipeline(
    impatient: dict[str, Any],
    mail_server: MailServerForTests,
    tmp_path: Path,
    record_property: Any,
) -> AsyncIterator[Pipeline]:
    def note(tally: Tally) -> None:
        record_property(FAULT, tally)

    async with build_pipeline(impatient, mail_server, tmp_path, note) as pipeline:
        yield pipeline

"""A road of its own for each test: database, Redis, workers."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FreshDatabase
from tests.notifications.auth_server import AuthServerForTests
from tests.notifications.faults.processes import OwnRedis
from tests.notifications.faults.road import Road, build_road, until
from tests.notifications.mail_server import MailServerForTests

IS_FULL = os.environ.get("FAULTS") == "full"


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    redis = OwnRedis(tmp_path / "redis")
    redis.start()
    yield redis
    redis.process.thaw()
    redis.process.end()


@pytest.fixture
async def road(
    options: dict[str, Any],
    fresh_database: FreshDatabase,
    own_redis: OwnRedis,
    mail_server: MailServerForTests,
    auth_server: AuthServerForTests,
    tmp_path: Path,
) -> AsyncIterator[Road]:
    await until(lambda: own_redis.is_ready, "Redis starts")
    impatient = options | {
        "database_url": await fresh_database("notification"),
        "broker_url": own_redis.url,
        "cache_redis_url": own_redis.url,
        "smtp_timeout_seconds": 0.5,
        "lease_seconds": 3.0,
        "requeue_seconds": 2.0,
        "retry_first_seconds": 0.2,
        "retry_longest_seconds": 1.0,
        "outage_retry_longest_seconds": 1.0,
        "max_crashes": 50,
    }
    async with build_road(impatient, mail_server, tmp_path) as road:
        yield road

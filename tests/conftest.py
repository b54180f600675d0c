"""Databases for tests: each service's is migrated once a run, and copied for each worker."""

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from redis import Redis
from xdist.scheduler import LoadScopeScheduling

from service_kit.ids import new_id
from tests.alone import is_alone, pytest_runtest_protocol
from tests.reruns import add_reruns
from tests.system.faults.table import pytest_terminal_summary
from tests.system.people import mailbox, organizer, person
from tests.system.running import sentry, stack

# Fixtures here, so that tests/system and tests/page share one system.
__all__ = [
    "mailbox",
    "organizer",
    "person",
    "pytest_runtest_protocol",
    "pytest_terminal_summary",
    "sentry",
    "stack",
]

ROOT = Path(__file__).resolve().parents[1]
MIGRATIONS = {
    "auth": "auth_service",
    "event": "event_service",
    "notification": "notification_service",
}
LOOPBACK = ("127.0.0.1", "::1", "localhost")
SECRET = "a-secret-for-tests-that-is-long-enough"

settings.register_profile(
    "parterre", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("parterre")


def needs_the_stack(nodeid: str) -> bool:
    """Each fault has processes of its own."""
    return nodeid.startswith(("tests/system/", "tests/page/")) and not nodeid.startswith(
        "tests/system/faults/"
    )


# They make databases and roles of names that a server has once.
NEED_NAMES = ("tests/deployment/", "tests/kit/test_secrets.py", "tests/kit/test_preflight.py")


class OneStack(LoadScopeScheduling):  # type: ignore[misc]
    """Gives the tests that need the whole system to one worker, first because they take longest, those
    that need names on the server to one, and the others to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(NEED_NAMES):
            return "names of the server"
        return "the whole system" if needs_the_stack(nodeid) else nodeid


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        add_reruns(item)
    items.sort(key=lambda item: (is_alone(item), not needs_the_stack(item.nodeid)))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneStack:
    return OneStack(config, log)


FreshDatabase = Callable[[str], Awaitable[str]]


@pytest.fixture(scope="session", autouse=True)
def only_this_machine() -> Iterator[None]:
    """No test can reach anything but this machine, not even by mistake."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            assert isinstance(address, tuple)
            assert str(address[0]) in LOOPBACK or str(address[0]).startswith("127."), address
        connect(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session")
def postgres_url() -> str:
    url = os.environ.get("TEST_POSTGRES_URL")
    if not url:
        pytest.exit("Run tests with ./scripts/test: it starts PostgreSQL and Redis.", returncode=2)
    return url


@pytest.fixture(scope="session")
def worker() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session")
def redis_url(worker: str) -> str:
    """A Redis database of this worker's own, empty at the start."""
    number = int(worker.removeprefix("gw")) + 1 if worker.startswith("gw") else 0
    url = os.environ["TEST_REDIS_URL"].rsplit("/", 1)[0] + f"/{number}"
    with Redis.from_url(url) as client:
        client.flushdb()
    return url


def _at(postgres_url: str, database: str) -> str:
    return urlsplit(postgres_url)._replace(path=f"/{database}").geturl()


def for_sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


async def _make_template(postgres_url: str, service: str) -> str:
    """The migrated database of a service; made by whichever worker comes first."""
    name = f"template_{service}"
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute("SELECT pg_advisory_lock(hashtext($1))", name)
        if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            return name
        await connection.execute(f"CREATE DATABASE {name}_new")
        await asyncio.to_thread(_migrate, service, _at(postgres_url, f"{name}_new"))
        await connection.execute(f"ALTER DATABASE {name}_new RENAME TO {name}")
    finally:
        await connection.close()
    return name


def _migrate(service: str, url: str, *arguments: str) -> None:
    environment = {
        **os.environ,
        "ENVIRONMENT": "development",
        "DATABASE_URL": for_sqlalchemy(url),
        "CACHE_REDIS_URL": os.environ["TEST_REDIS_URL"],
        "BROKER_URL": os.environ["TEST_REDIS_URL"],
        "SECRET_KEY": SECRET,
        "VERIFICATION_TOKEN_SECRET": f"{SECRET}-verification",
        "RESET_PASSWORD_TOKEN_SECRET": f"{SECRET}-reset",
    }
    done = subprocess.run(
        [sys.executable, "-m", f"{MIGRATIONS[service]}.migrate", *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def copy_database(postgres_url: str, service: str, name: str) -> str:
    """Makes a migrated database of a service under this name; its URL for SQLAlchemy."""
    template = await _make_template(postgres_url, service)
    connection = await asyncpg.connect(postgres_url)
    try:
        # Two copies of one template at once get in each other's way.
        await connection.execute("SELECT pg_advisory_lock(hashtext($1))", template)
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    finally:
        await connection.close()
    return for_sqlalchemy(_at(postgres_url, name))


@pytest.fixture(scope="session")
async def auth_database_url(postgres_url: str, worker: str) -> str:
    return await copy_database(postgres_url, "auth", f"auth_{worker}")


@pytest.fixture(scope="session")
async def event_database_url(postgres_url: str, worker: str) -> str:
    return await copy_database(postgres_url, "event", f"event_{worker}")


@pytest.fixture(scope="session")
async def notification_database_url(postgres_url: str, worker: str) -> str:
    return await copy_database(postgres_url, "notification", f"notification_{worker}")


@pytest.fixture
def fresh_database(postgres_url: str) -> FreshDatabase:
    """Makes a database of a service that nobody else uses: ``await fresh_database("event")``."""

    async def make(service: str) -> str:
        return await copy_database(postgres_url, service, f"{service}_{new_id().hex}")

    return make


@pytest.fixture(autouse=True)
def no_log_to_what_is_closed() -> Iterator[None]:
    """A service that was made in a test with ``capsys`` logs to a stream that ends with the test. The
    next test that logs would find a traceback in its own standard error."""
    yield
    root = logging.getLogger()
    root.handlers = [h for h in root.handlers if not getattr(getattr(h, "stream", 0), "closed", 0)]


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a shell or CI has set must not decide how a test ends."""
    for name in (
        "SENTRY_DSN",
        "RATE_LIMIT_ENABLED",
        "ALLOWED_HOSTS",
        "TRUSTED_PROXIES",
        "LOG_LEVEL",
    ):
        monkeypatch.delenv(name, raising=False)

"""A worker on real servers: PostgreSQL and Redis of the run, mail and accounts of our own."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sentry_sdk
from fastapi import FastAPI
from sqlalchemy import text

from notification_service.delivery import consumer
from notification_service.delivery.context import WorkerContext
from notification_service.delivery.service import deliver
from notification_service.delivery.sweep import Due, sweep
from notification_service.main import create_app
from notification_service.models import Notification
from notification_service.rendering.renderer import EmailRenderer
from notification_service.settings import Settings, WorkerSettings
from service_kit.database.engine import Database
from tests.notifications.auth_server import AuthServerForTests
from tests.notifications.mail_server import MailServerForTests, ReceivedEmail
from tests.notifications.messages import Message
from tests.notifications.people import LIFE_SECONDS, public_keys, sign_in
from tests.redis_waits import patient_redis

PUBLIC_URL = "https://parterre.example"


@pytest.fixture(scope="session")
def mail_server_of_run() -> Iterator[MailServerForTests]:
    server = MailServerForTests()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mail_server(mail_server_of_run: MailServerForTests) -> MailServerForTests:
    mail_server_of_run.reset()
    return mail_server_of_run


@pytest.fixture(scope="session")
def auth_server_of_run() -> Iterator[AuthServerForTests]:
    server = AuthServerForTests()
    server.accounts.keys = public_keys()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def auth_server(auth_server_of_run: AuthServerForTests) -> AuthServerForTests:
    auth_server_of_run.reset()
    return auth_server_of_run


@pytest.fixture(scope="session")
def renderer() -> EmailRenderer:
    return EmailRenderer(PUBLIC_URL)


@pytest.fixture
def smtp_timeout_seconds() -> float:
    """Short, for the sake of the tests in which nobody answers; others may ask for another."""
    return 0.3


@pytest.fixture
def options(
    notification_database_url: str,
    redis_url: str,
    mail_server: MailServerForTests,
    auth_server: AuthServerForTests,
    smtp_timeout_seconds: float,
) -> dict[str, Any]:
    """Settings by name; a test changes what it is about."""
    return {
        "environment": "test",
        "database_url": notification_database_url,
        "cache_redis_url": redis_url,
        "broker_url": redis_url,
        "public_url": PUBLIC_URL,
        "auth_service_url": auth_server.url,
        "allowed_hosts": ("test",),
        "service_client_id": "notification-service",
        "service_client_secret": "a-secret-that-is-long-enough-for-anybody",
        "smtp_url": mail_server.url,
        "smtp_timeout_seconds": smtp_timeout_seconds,
        "mail_from": "Parterre <tickets@parterre.example>",
        "rate_limit_enabled": False,
        "gauges_refresh_seconds": 0.05,
        "access_token_seconds": LIFE_SECONDS,
    }


@pytest.fixture
async def database(options: dict[str, Any]) -> AsyncIterator[Database]:
    """An empty one: what a worker commits, no savepoint takes back."""
    database = Database(Settings(**options), application_name="tests")
    async with database.transaction() as session:
        await session.execute(
            text(
                "TRUNCATE notification, seen_message, preference, event_snapshot,"
                " mail_allowance, erased_user"
            )
        )
    yield database
    await database.close()


@dataclass
class WorkerForTests:
    """A worker's context, and what its tasks do with it."""

    context: WorkerContext
    database: Database
    mail_server: MailServerForTests

    async def receive(self, *messages: object) -> None:
        await consumer.receive(self.context, messages)

    async def deliver(self, message: Message) -> None:
        await deliver(self.context, UUID(message["id"]))

    async def sweep(self) -> list[UUID]:
        """What the sweep puts on the queue."""
        queued: list[UUID] = []

        def put(due: list[Due]) -> None:
            queued.extend(mail.id for mail in due)

        await sweep(self.context, put)
        return queued

    async def work_off(self) -> int:
        """Sweeps, and sends what was swept; how many."""
        queued = await self.sweep()
        if queued:
            await deliver(self.context, *queued)
        return len(queued)

    async def row(self, message: Message) -> Notification:
        async with self.database.sessions() as session:
            row = await session.get(Notification, UUID(message["id"]))
            assert row is not None
            return row

    async def change(self, message: Message, **values: str) -> None:
        """Sets columns to SQL expressions, as time or a crash would."""
        assignments = ", ".join(f"{name} = {value}" for name, value in values.items())
        async with self.database.transaction() as session:
            await session.execute(
                text(f"UPDATE notification SET {assignments} WHERE id = :id"),
                {"id": UUID(message["id"])},
            )

    async def run(self, statement: str) -> list[Any]:
        """The first column of what a statement answers."""
        async with self.database.transaction() as session:
            done = await session.execute(text(statement))
            returns_rows = bool(getattr(done, "returns_rows", False))
            return [row[0] for row in done] if returns_rows else []

    @property
    def mails(self) -> list[ReceivedEmail]:
        return self.mail_server.received


@pytest.fixture
async def mail_worker(
    options: dict[str, Any],
    database: Database,
    mail_server: MailServerForTests,
    renderer: EmailRenderer,
) -> AsyncIterator[WorkerForTests]:
    async with WorkerContext(WorkerSettings(**options), renderer=renderer) as context:
        yield WorkerForTests(context, database, mail_server)


@pytest.fixture
async def app(options: dict[str, Any], database: Database) -> AsyncIterator[FastAPI]:
    with patient_redis():
        app = create_app(Settings(**options))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1") as client:
        yield client


@pytest.fixture
def user_id() -> UUID:
    return uuid4()


@pytest.fixture
def user(user_id: UUID) -> dict[str, str]:
    """The headers of somebody's requests."""
    return sign_in(user_id)


@pytest.fixture
def sentry_errors(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """What Sentry was told."""
    errors: list[BaseException] = []
    monkeypatch.setattr(sentry_sdk, "capture_exception", errors.append)
    return errors

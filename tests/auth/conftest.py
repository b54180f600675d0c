"""auth-service as a whole, on a real database; each test has people of its own.

The transactions that tests look at are the ones that the service commits itself, so that no outer
transaction stands around a test.
"""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from auth_service.erasures.organizers import OrganizerClient
from auth_service.main import create_app
from auth_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.messaging.service_client import ServiceClient, ServiceUnavailable
from tests.auth.people import Links, People
from tests.auth.processes import Command
from tests.conftest import SECRET
from tests.redis_waits import patient_redis

# Argon2 with its real parameters has a test of its own.
CHEAP_HASHES: dict[str, Any] = {"password_hash_memory_kib": 8, "password_hash_passes": 1}

MakeSettings = Callable[..., Settings]
StartApp = Callable[..., AbstractAsyncContextManager[FastAPI]]


@pytest.fixture(scope="session")
def auth_settings(auth_database_url: str, redis_url: str) -> MakeSettings:
    def make(**changes: Any) -> Settings:
        return Settings(
            **{
                "environment": "test",
                "database_url": auth_database_url,
                "cache_redis_url": redis_url,
                "broker_url": redis_url,
                "secret_key": SECRET,
                "verification_token_secret": f"{SECRET}-verification",
                "reset_password_token_secret": f"{SECRET}-reset",
                "rate_limit_enabled": False,
                "public_url": "https://localhost",
                # How busy this machine is must not decide.
                "database_pool_timeout_seconds": 30,
                "lock_timeout_seconds": 30,
                "statement_timeout_seconds": 30,
                **CHEAP_HASHES,
                **changes,
            }
        )

    return make


class PlayedEventService(ServiceClient):
    """What event-service says of an organizer; ``status`` 0 is that it does not answer."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.status = 200

    async def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        if self.status == 0:
            raise ServiceUnavailable("away")
        user_id = url.removeprefix("http://event-service/api/v1/events/organizers/")
        return httpx.Response(self.status, json=self.answers.get(user_id, {"upcoming_events": 0}))


@pytest.fixture(scope="session")
def start_app(auth_settings: MakeSettings) -> StartApp:
    """``async with start_app(login_rate_limit="3/minute") as app``"""

    @asynccontextmanager
    async def start(**changes: Any) -> AsyncIterator[FastAPI]:
        async with AsyncExitStack() as stack:
            if "cache_redis_url" not in changes:
                stack.enter_context(patient_redis())
            app = create_app(auth_settings(**changes))
        async with app.router.lifespan_context(app):
            # event-service is not there: nobody has events, but for tests that say so.
            app.state.organizers = OrganizerClient(PlayedEventService(), "http://event-service")
            yield app

    return start


@pytest.fixture(scope="session")
async def auth_app(start_app: StartApp) -> AsyncIterator[FastAPI]:
    async with start_app() as app:
        yield app


@asynccontextmanager
async def client_of(app: FastAPI, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=options.pop("address", ("127.0.0.1", 50000)))
    async with httpx.AsyncClient(
        transport=transport, base_url="https://localhost", **options
    ) as found:
        yield found


@pytest.fixture
async def client(auth_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(auth_app) as found:
        yield found


@pytest.fixture
def database(auth_app: FastAPI) -> Database:
    found: Database = auth_app.state.database
    return found


@pytest.fixture
def people(auth_app: FastAPI, client: httpx.AsyncClient) -> People:
    return People(client, auth_app.state.database)


@pytest.fixture
async def links(auth_app: FastAPI, client: httpx.AsyncClient) -> Links:
    token = await auth_app.state.token_issuer.for_service(
        "notification-service", "auth:links users:contact"
    )
    return Links(client, {"Authorization": f"Bearer {token}"})


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


@pytest.fixture
def own_logs() -> Iterator[None]:
    """For tests that look at what is written: the handler they get holds on to their output."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)

"""The event-service under test: the real application, with tokens signed by a key of the test's own."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from itertools import cycle
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from sqlalchemy import text

from event_service.bookings.create import BookingDesk, new_desk
from event_service.bookings.requests import BookingRequest
from event_service.main import create_app
from event_service.settings import Settings
from service_kit.database import engine, errors
from service_kit.database.errors import sqlstate
from service_kit.ids import new_id
from service_kit.web.tokens import ALGORITHM, USER_AUDIENCE, KeySet, TokenVerifier
from tests.documented import refuses_as_documented
from tests.event_bodies import event_body, event_times
from tests.redis_waits import patient_redis

KEY = Ed25519PrivateKey.generate()
KEY_ID = "test-key"
Json = dict[str, Any]


def sign(user_id: UUID, **claims: Any) -> str:
    now = int(time.time())
    document = {
        "iss": "parterre",
        "aud": USER_AUDIENCE,
        "sub": str(user_id),
        "iat": now,
        "exp": now + 600,
        "jti": new_id().hex,
        "email_verified": True,
        **claims,
    }
    return jwt.encode(document, KEY, algorithm=ALGORITHM, headers={"kid": KEY_ID})


async def fetch_test_keys() -> Json:
    public: Json = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(KEY.public_key()))
    return {"keys": [public | {"kid": KEY_ID}]}


class User:
    """Somebody with a token, and a client that sends it."""

    def __init__(self, app: FastAPI, user_id: UUID, **claims: Any) -> None:
        self.id = user_id
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://localhost/api/v1",
            headers={"Authorization": f"Bearer {sign(user_id, **claims)}"},
            event_hooks={"response": [refuses_as_documented(app)]},
        )

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.http.post(path, json=body, headers=_dashed(headers))

    async def patch(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.http.patch(path, json=body, headers=_dashed(headers))

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers=_dashed(headers))

    async def delete(self, path: str) -> httpx.Response:
        return await self.http.delete(path)

    async def book(self, event: Json, quantity: int = 1, **more: Any) -> httpx.Response:
        key = more.pop("key", None)
        headers = {"Idempotency_Key": key} if key else {}
        body = {"event_id": event["id"], **more}
        if "seat_ids" not in more:
            body["quantity"] = quantity
        return await self.post("/bookings", body, **headers)


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[FastAPI]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        app.state.token_verifier = TokenVerifier(
            KeySet(fetch_test_keys), issuer="parterre", leeway_seconds=30
        )
        yield app


@pytest.fixture(scope="session")
def settings(event_database_url: str, redis_url: str) -> Settings:
    return Settings.model_validate(
        {
            "environment": "development",
            "database_url": event_database_url,
            "cache_redis_url": redis_url,
            "broker_url": redis_url,
            "rate_limit_enabled": False,
            # Here a crowd waits for few connections on a busy machine; shedding has its own tests.
            "database_pool_timeout_seconds": 60,
            "lock_timeout_seconds": 30,
            "statement_timeout_seconds": 60,
            "log_level": "WARNING",
            "auth_service_url": "http://auth.test",
            # Some tests count connections and statements.
            "gauges_refresh_seconds": 3600,
        }
    )


@asynccontextmanager
async def running_patiently(settings: Settings) -> AsyncIterator[FastAPI]:
    async with AsyncExitStack() as stack:
        with patient_redis():
            app = await stack.enter_async_context(running(settings))
        yield app


@pytest.fixture(scope="session")
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    async with running_patiently(settings) as app:
        yield app


@pytest.fixture
async def user(app: FastAPI) -> AsyncIterator[Callable[..., User]]:
    """Makes somebody new: ``user()``, ``user(email_verified=False)``."""
    async with AsyncExitStack() as clients:
        made: list[User] = []

        def make(user_id: UUID | None = None, **claims: Any) -> User:
            made.append(User(app, user_id or new_id(), **claims))
            clients.push_async_callback(made[-1].http.aclose)
            return made[-1]

        yield make


class Desks:
    """Several processes: each has its own desk, and requests go to one after another."""

    def __init__(self, desks: list[BookingDesk]) -> None:
        self._turns = cycle(desks)

    async def book(self, request: BookingRequest) -> Any:
        return await next(self._turns).book(request)


@pytest.fixture
def several_desks(app: FastAPI, settings: Settings) -> Iterator[None]:
    one = app.state.booking_desk
    app.state.booking_desk = Desks([new_desk(app.state.database, settings) for _ in range(4)])
    yield
    app.state.booking_desk = one


@pytest.fixture
def organizer(user: Callable[..., User]) -> User:
    return user()


@pytest.fixture
def guest(user: Callable[..., User]) -> User:
    return user()


@pytest.fixture
async def anybody(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost/api/v1"
    ) as client:
        yield client


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Asks for pages, and is nobody."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


def sections(*rows: tuple[str, str, int]) -> list[Json]:
    """``("Stalls", "A", 20)`` for each row."""
    named: dict[str, list[Json]] = {}
    for section, row, seats in rows:
        named.setdefault(section, []).append({"name": row, "seats": seats})
    return [{"name": name, "rows": of} for name, of in named.items()]


Publish = Callable[..., Awaitable[Json]]


@pytest.fixture
def published(organizer: User) -> Publish:
    """Makes a published event of the organizer's: ``await published(capacity=3)``."""

    async def make(*, by: User = organizer, capacity: int | None = None, **changes: Any) -> Json:
        if capacity is not None:
            changes["seating"] = {"kind": "general", "capacity": capacity}
        body = event_body(**changes)
        # What has ended cannot be published: it ends afterwards.
        is_over = datetime.fromisoformat(body["ends_at"]) <= datetime.now(UTC)
        times = {name: body[name] for name in ("starts_at", "ends_at")}
        created = await by.post("/events", body | (event_times() if is_over else {}))
        assert created.status_code == 201, created.text
        answer = await by.post(f"/events/{created.json()['id']}/publish")
        if is_over:
            answer = await by.patch(f"/events/{created.json()['id']}", times)
        assert answer.status_code == 200, answer.text
        event: Json = answer.json()
        return event

    return make


@pytest.fixture
async def sold_out(published: Publish, user: Callable[..., User]) -> tuple[Json, User, Json]:
    """An event of four seats, the guest who has them all, and the booking."""
    event = await published(capacity=4, max_seats_per_user=4)
    holder = user()
    booking = (await holder.book(event, 4)).json()
    return event, holder, booking


async def messages(app: FastAPI, event_id: str, kind: str) -> list[Json]:
    """What the outbox holds of an event, oldest first."""
    async with app.state.database.transaction() as session:
        found = await session.execute(
            text(
                "SELECT message FROM outbox WHERE message->>'kind' = :kind"
                " AND message->'data'->>'event_id' = :event_id ORDER BY id"
            ),
            {"kind": kind, "event_id": event_id},
        )
        return [row[0] for row in found]


def problem(response: httpx.Response) -> tuple[int, str]:
    """Status and the last word of the type."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["type"].removeprefix("urn:problem:")


@pytest.fixture
def deadlocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BaseException]]:
    """Also those of which nobody hears, since the victim begins again; of SQLAlchemy's and of
    asyncpg's own statements alike."""
    seen: list[BaseException] = []

    def noting(error: BaseException) -> str | None:
        state = sqlstate(error)
        # Its state is asked for more than once.
        if state == "40P01" and not any(error is one for one in seen):
            seen.append(error)
        return state

    # Of work that begins again, and of requests, which are answered with 503.
    for module in (engine, errors):
        monkeypatch.setattr(module, "sqlstate", noting)
    yield seen

"""A small service built from the kit, as the three are."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request
from pydantic import BaseModel
from sqlalchemy import text
from starlette.responses import PlainTextResponse, StreamingResponse

from service_kit.database.engine import Database, SessionDep
from service_kit.ids import new_id
from service_kit.settings import ServiceSettings
from service_kit.text import Line
from service_kit.web.app import create_service
from service_kit.web.auth import (
    CurrentUser,
    OptionalUser,
    Router,
    SharedResponse,
    Superuser,
    require_scope,
)
from service_kit.web.paging import PagingDep
from service_kit.web.rate_limits import limited
from service_kit.web.tokens import ALGORITHM, USER_AUDIENCE, KeySet, TokenVerifier

KEY = Ed25519PrivateKey.generate()
USER = UUID("0198c0de-0000-7000-8000-00000000000a")


class Settings(ServiceSettings):
    narrow_rate_limit: str = "3/minute"


class Thing(BaseModel):
    name: Annotated[str, Line(20)]
    details: dict[str, Any] = {}


router = Router(prefix="/api/v1")


@router.post("/things", status_code=201)
async def create_thing(thing: Thing, user: CurrentUser) -> dict[str, str]:
    return {"name": thing.name, "by": user.id}


@router.get("/things/{thing_id}/narrow")
@limited("narrow")
async def narrow(thing_id: str) -> dict[str, str]:
    return {"id": thing_id}


@router.get("/mine/{thing_id}/narrow")
@limited("narrow")
async def narrow_for_each_user(thing_id: str, user: CurrentUser) -> dict[str, str]:
    return {"id": thing_id}


@router.get("/shared")
async def read_what_all_see(user: OptionalUser) -> SharedResponse:
    return SharedResponse("all", headers={"Cache-Control": "no-cache"})


@router.get("/unmarked")
async def read_what_may_be_personal(user: OptionalUser) -> PlainTextResponse:
    return PlainTextResponse("mine", headers={"Cache-Control": "no-cache"})


@router.get("/endless")
async def stream_without_end(request: Request) -> StreamingResponse:
    state = request.app.state

    async def chunks() -> AsyncIterator[bytes]:
        state.streamed = 0
        try:
            while True:
                yield b"x" * 10_000
                state.streamed += 1
                await asyncio.sleep(0)
        finally:
            state.stream_ended.set()

    return StreamingResponse(chunks())


@router.get("/open")
async def read_openly(user: OptionalUser, paging: PagingDep) -> dict[str, str | None]:
    return {"user": user.id if user else None}


@router.get("/superuser")
async def read_as_superuser(user: Superuser) -> dict[str, str]:
    return {"user": user.id}


@router.post("/service", dependencies=[require_scope("things:make")])
async def call_as_service() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/crash")
async def crash(secret: str = "") -> None:
    password = f"local {secret}"
    raise RuntimeError(f"SELECT {password}")


@router.post("/late-failure", status_code=201)
async def fail_at_commit(session: SessionDep) -> dict[str, str]:
    """Breaks a deferred constraint: the statement succeeds and the commit does not."""
    await session.execute(text("CREATE TEMP TABLE parent (id int PRIMARY KEY) ON COMMIT DROP"))
    await session.execute(
        text(
            "CREATE TEMP TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
            " ON COMMIT DROP"
        )
    )
    await session.execute(text("INSERT INTO child VALUES (1)"))
    return {"status": "made"}


@router.get("/busy")
async def wait_for_a_lock(session: SessionDep) -> None:
    await session.execute(text("SET LOCAL statement_timeout = '10ms'"))
    await session.execute(text("SELECT pg_sleep(5)"))


class Door:
    """Requests go in, and wait until it opens."""

    def __init__(self) -> None:
        self.is_open = asyncio.Event()
        self.went_in = asyncio.Semaphore(0)


@router.get("/door")
async def wait_at_the_door(request: Request) -> None:
    door: Door = request.app.state.door
    door.went_in.release()
    await door.is_open.wait()


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": "parterre",
        "aud": USER_AUDIENCE,
        "sub": str(USER),
        "iat": now,
        "exp": now + 600,
        "jti": new_id().hex,
    } | changes


def sign(document: dict[str, Any], **header: Any) -> str:
    return jwt.encode(document, KEY, algorithm=ALGORITHM, headers={"kid": "k"} | header)


def bearer(**changes: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {sign(claims(**changes))}"}


async def fetch_keys() -> dict[str, Any]:
    public: dict[str, Any] = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(KEY.public_key()))
    return {"keys": [public | {"kid": "k"}]}


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[FastAPI]:
    app = create_service(
        "kit-test", settings, title="Kit test", description="For tests.", routers=[router]
    )
    async with app.router.lifespan_context(app):
        app.state.token_verifier = TokenVerifier(
            KeySet(fetch_keys), issuer="parterre", leeway_seconds=30
        )
        yield app


MakeSettings = Callable[..., Settings]


@pytest.fixture
def make_settings(postgres_url: str, redis_url: str) -> MakeSettings:
    def make(**changes: Any) -> Settings:
        values = {
            "environment": "development",
            "database_url": postgres_url.replace("postgresql://", "postgresql+asyncpg://", 1),
            "cache_redis_url": redis_url,
            "broker_url": redis_url,
            "rate_limit_enabled": False,
            "log_level": "INFO",
        }
        return Settings.model_validate(values | changes)

    return make


def client_of(app: FastAPI, **options: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, **options)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1")


@pytest.fixture
async def client(make_settings: MakeSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(make_settings()) as app, client_of(app) as client:
        yield client


def problem(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json", response.text
    document = response.json()
    assert document["status"] == response.status_code
    assert document["request_id"] == response.headers["x-request-id"]
    return response.status_code, document["type"].removeprefix("urn:problem:")


@pytest.fixture
async def database(make_settings: MakeSettings) -> AsyncIterator[Database]:
    database = Database(make_settings(lock_timeout_seconds=30), application_name="kit-test")
    yield database
    await database.close()

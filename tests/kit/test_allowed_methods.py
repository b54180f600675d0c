"""A method that an address does not take is 405, and ``Allow`` names all that it takes (RFC 9110, 15.5.6)."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import auth_service.main
import auth_service.settings
import event_service.main
import event_service.settings
import notification_service.main
import notification_service.settings
from service_kit.web.app import create_service
from service_kit.web.auth import Router
from tests.conftest import SECRET
from tests.kit.conftest import MakeSettings, problem

METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"}
ID = "0198c0de-0000-7000-8000-000000000000"
# Nobody connects to them: a method that is refused reaches no route.
COMMON: dict[str, Any] = {
    "database_url": "postgresql+asyncpg://nobody@localhost/none",
    "cache_redis_url": "redis://localhost:1/0",
    "broker_url": "redis://localhost:1/0",
    "rate_limit_enabled": False,
}


def auth(environment: str) -> FastAPI:
    return auth_service.main.create_app(
        auth_service.settings.Settings(
            environment=environment,
            secret_key=SECRET,
            verification_token_secret=f"{SECRET}-verification",
            reset_password_token_secret=f"{SECRET}-reset",
            **COMMON,
        )
    )


def events(environment: str) -> FastAPI:
    return event_service.main.create_app(
        event_service.settings.Settings(environment=environment, **COMMON)
    )


def notifications(environment: str) -> FastAPI:
    return notification_service.main.create_app(
        notification_service.settings.Settings(environment=environment, **COMMON)
    )


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


def addresses(app: FastAPI) -> Iterator[tuple[str, set[str]]]:
    """An address for each path of the document, and the methods that the document gives it."""
    for path, operations in app.openapi()["paths"].items():
        yield re.sub(r"\{[^}]+\}", ID, path), {method.upper() for method in operations}


def named(answer: httpx.Response) -> set[str]:
    methods = answer.headers["allow"].split(", ")
    assert len(set(methods)) == len(methods)
    return set(methods)


@pytest.mark.parametrize("environment", ["development", "test"])
@pytest.mark.parametrize(
    ("create", "known"),
    [
        (auth, {"GET", "PATCH", "DELETE"}),
        (events, {"GET", "POST"}),
        (notifications, {"GET", "PUT"}),
    ],
)
async def test_allow_is_what_the_document_says(
    create: Callable[[str], FastAPI], known: set[str], environment: str
) -> None:
    app = create(environment)
    paths = list(addresses(app))
    # An enumeration that finds nothing would find nothing wrong.
    assert len(paths) > 8 and known in [methods for _, methods in paths]
    async with client_of(app) as client:
        for path, methods in paths:
            for method in sorted(METHODS - methods):
                answer = await client.request(method, path)
                assert answer.status_code == 405, (method, path, answer.text)
                assert named(answer) == methods, (method, path)


async def test_addresses_outside_the_document_name_theirs_too() -> None:
    async with client_of(events("test")) as client:
        for path, methods in (
            ("/", {"GET", "HEAD"}),
            ("/static/x/auth.js", {"GET", "HEAD"}),
            ("/openapi.json", {"GET", "HEAD"}),
            ("/docs", {"GET"}),
            ("/health/live", {"GET"}),
            ("/metrics", {"GET"}),
        ):
            answer = await client.request("PATCH", path)
            assert problem(answer) == (405, "method-not-allowed"), path
            assert named(answer) == methods, path


first, second = Router(prefix="/shops"), Router(prefix="/shops")


@first.get("/{shop_id}")
@first.get("/{shop_id}/till", name="till")
async def read_shop(shop_id: str) -> str:
    return shop_id


@second.put("/{name}")
@second.delete("/{name}")
@second.post("/{name}/{part}", name="part")
async def change_shop(name: str, part: str = "") -> str:
    return name


@second.post("/nearest")
async def find_nearest() -> str:
    return "nearest"


@second.api_route("/open", methods=["GET", "HEAD"])
async def list_open() -> str:
    return "open"


@pytest.fixture
async def shops(make_settings: MakeSettings) -> Any:
    app = create_service(
        "shops", make_settings(), title="Shops", description="For tests.", routers=[first, second]
    )
    async with app.router.lifespan_context(app), client_of(app) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        # Two routers, and two names of one parameter.
        ("/shops/17", {"GET", "PUT", "DELETE"}),
        ("/shops/17/till", {"GET", "POST"}),
        # What is spelled out is no id, whichever router comes first.
        ("/shops/nearest", {"POST"}),
        ("/shops/near%65st", {"POST"}),
        ("/shops/open", {"GET", "HEAD"}),
        ("/shops/nearest/17", {"POST"}),
    ],
)
async def test_paths_that_routes_share(
    shops: httpx.AsyncClient, path: str, methods: set[str]
) -> None:
    for method in sorted(METHODS):
        answer = await shops.request(method, path)
        assert (answer.status_code == 405) == (method not in methods), (method, answer.text)
        if answer.status_code == 405:
            assert named(answer) == methods, method
            assert method == "HEAD" or problem(answer) == (405, "method-not-allowed")


async def test_where_nothing_is_no_method_is_allowed(shops: httpx.AsyncClient) -> None:
    for path in ("/shop", "/shops/", "/shops/17/till/x"):
        answer = await shops.request("OPTIONS", path)
        assert problem(answer) == (404, "not-found")
        assert "allow" not in answer.headers


async def test_a_refused_method_is_counted_by_its_route(shops: httpx.AsyncClient) -> None:
    await shops.get("/shops/nearest")
    counted = (await shops.get("/metrics")).text
    assert 'http_requests_total{method="GET",route="/shops/nearest",status="405"} 1.0' in counted

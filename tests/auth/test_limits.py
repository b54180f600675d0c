"""Floods: whose requests are counted together, and what happens while Redis is away."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from service_kit.redis_clients import BLOCKING_TIMEOUT_SECONDS
from tests.auth.conftest import StartApp, client_of
from tests.auth.people import API, PASSWORD, People, new_address, problem
from tests.redis_waits import few_waits

JWKS = "/.well-known/jwks.json"


@pytest.fixture
async def app(start_app: StartApp) -> AsyncIterator[FastAPI]:
    async with start_app(
        rate_limit_enabled=True, login_rate_limit="3/minute", default_rate_limit="3/minute"
    ) as found:
        yield found


def login_from(app: FastAPI, address: str, **headers: str) -> "asyncio.Task[int]":
    async def ask() -> int:
        async with client_of(app, address=(address, 1)) as client:
            answer = await client.post(
                f"{API}/auth/login",
                data={"username": new_address(), "password": "x"},
                headers={name.replace("_", "-"): value for name, value in headers.items()},
            )
        return answer.status_code

    return asyncio.create_task(ask())


async def test_strangers_are_counted_by_their_address(app: FastAPI) -> None:
    assert [await login_from(app, "10.0.0.1") for _ in range(4)] == [400] * 3 + [429]
    assert await login_from(app, "10.0.0.2") == 400


@pytest.mark.parametrize(
    ("header", "caller"),
    [
        ("X_Forwarded_For", "10.1.0.1"),
        ("X-Real-IP", "10.1.0.2"),
        ("Forwarded", "10.1.0.3"),
        ("True-Client-IP", "10.1.0.4"),
    ],
)
async def test_a_forged_address_is_still_the_same_caller(
    app: FastAPI, header: str, caller: str
) -> None:
    statuses = [
        await login_from(app, caller, **{header: f"6.6.6.{n}, 7.7.7.{n}"}) for n in range(4)
    ]
    assert statuses == [400] * 3 + [429]


async def test_the_address_that_a_trusted_proxy_forwards_counts(start_app: StartApp) -> None:
    """The control of the test above: here the header is how callers are told apart."""
    async with start_app(
        rate_limit_enabled=True, login_rate_limit="3/minute", trusted_proxies="10.2.0.1"
    ) as app:
        for n in range(6):
            assert await login_from(app, "10.2.0.1", X_Forwarded_For=f"6.6.6.{n}") == 400
        # What the client itself wrote stands before what the proxy saw.
        forged = [
            await login_from(app, "10.2.0.1", X_Forwarded_For=f"6.6.7.{n}, 8.8.8.8")
            for n in range(4)
        ]
        assert forged == [400] * 3 + [429]


async def test_who_is_signed_in_is_counted_by_account(app: FastAPI) -> None:
    async with client_of(app, address=("10.3.0.1", 1)) as client:
        people = People(client, app.state.database)
        first, second = await people.sign_in(), await people.sign_in()
        statuses = []
        for person in (first, first, first, first, second):
            answer = await client.get(f"{API}/users/me", headers=person.headers)
            statuses.append(answer.status_code)
    assert statuses == [200, 200, 200, 429, 200]


@pytest.fixture
async def frozen_redis() -> AsyncIterator[str]:
    """Takes connections and never answers, as a Redis that was stopped."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0"


async def test_a_frozen_redis_neither_stops_sign_in_nor_the_event_loop(
    start_app: StartApp, frozen_redis: str
) -> None:
    """Each wait for it holds the event loop for as long as its timeout, so there are few."""
    async with (
        start_app(
            rate_limit_enabled=True, login_rate_limit="5/minute", cache_redis_url=frozen_redis
        ) as app,
        client_of(app) as client,
    ):
        people = People(client, app.state.database)
        with few_waits():
            person = await people.register()
            answers = [await people.try_password(person.email, PASSWORD) for _ in range(6)]
    # Counted in the process's own memory meanwhile.
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert BLOCKING_TIMEOUT_SECONDS <= 0.05


async def test_a_redis_that_is_gone_is_no_reason_to_refuse(start_app: StartApp) -> None:
    async with (
        start_app(rate_limit_enabled=True, cache_redis_url="redis://127.0.0.1:9/0") as app,
        client_of(app) as client,
    ):
        assert (await client.get(JWKS)).status_code == 200
        people = People(client, app.state.database)
        assert (await people.sign_in()).access_token


async def test_fifty_requests_at_once_are_each_counted(start_app: StartApp) -> None:
    async with start_app(rate_limit_enabled=True, service_rate_limit="20/minute") as app:
        async with client_of(app, address=("10.5.0.1", 1)) as client:
            answers = await asyncio.gather(*(client.get(JWKS) for _ in range(50)))
    assert [a.status_code for a in answers].count(200) == 20
    assert problem(next(a for a in answers if a.status_code != 200)) == (429, "rate-limited")


@pytest.mark.parametrize("path", ["forgot-password", "request-verify-token", "register"])
async def test_tokens_of_ones_own_accounts_open_no_new_count(
    start_app: StartApp, path: str
) -> None:
    limits = {"mail_rate_limit": "3/minute", "register_rate_limit": "3/minute"}
    async with start_app() as unlimited, client_of(unlimited) as client:
        people = People(client, unlimited.state.database)
        tokens = [(await people.sign_in()).headers for _ in range(4)]
    host = f"10.6.0.{len(path)}"
    async with (
        start_app(rate_limit_enabled=True, **limits) as app,
        client_of(app, address=(host, 1)) as client,
    ):
        statuses = []
        for token in tokens:
            body = {"email": new_address(), "password": PASSWORD}
            answer = await client.post(f"{API}/auth/{path}", headers=token, json=body)
            statuses.append(answer.status_code)
    assert statuses == [201 if path == "register" else 202] * 3 + [429]

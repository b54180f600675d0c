"""Every route of the OpenAPI document: documented, limited, and closed to strangers."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from auth_service.main import create_app
from service_kit.web.auth import Route
from tests.auth.conftest import MakeSettings, StartApp, client_of
from tests.auth.people import API, People, problem

NOT_PUBLIC = {
    "DELETE /api/v1/auth/session",
    "DELETE /api/v1/users/me",
    "DELETE /api/v1/users/me/sessions",
    "DELETE /api/v1/users/me/sessions/{session_id}",
    "DELETE /api/v1/users/{user_id}",
    "DELETE /api/v1/users/{user_id}/sessions",
    "DELETE /api/v1/users/{user_id}/sessions/{session_id}",
    "GET /api/v1/users",
    "GET /api/v1/users/me",
    "GET /api/v1/users/me/data",
    "GET /api/v1/users/me/sessions",
    "GET /api/v1/users/{user_id}",
    "GET /api/v1/users/{user_id}/audit-events",
    "GET /api/v1/users/{user_id}/contact",
    "GET /api/v1/users/{user_id}/sessions",
    "POST /api/v1/users/contacts",
    "PATCH /api/v1/users/me",
    "PATCH /api/v1/users/{user_id}",
    "POST /api/v1/auth/links",
    "POST /api/v1/auth/session/renew",
    "POST /api/v1/auth/token",
}
PUBLIC = {
    "GET /.well-known/jwks.json",
    "POST /api/v1/auth/forgot-password",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/logout",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/register",
    "POST /api/v1/auth/request-verify-token",
    "POST /api/v1/auth/reset-password",
    "POST /api/v1/auth/session",
    "POST /api/v1/auth/verify",
}
ID = "0198c0de-0000-7000-8000-00000000000"


@pytest.fixture(scope="module")
def document(auth_settings: MakeSettings) -> dict[str, Any]:
    return create_app(auth_settings()).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def at(path: str, n: int = 0) -> str:
    return path.replace("{user_id}", f"{ID}{n}").replace("{session_id}", f"{ID}{n}")


def test_the_document_names_every_route_of_the_contract(document: dict[str, Any]) -> None:
    assert {name for name, _ in operations(document)} == PUBLIC | NOT_PUBLIC


def test_every_operation_is_documented(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"] and operation["tags"], name
        assert operation["operationId"].replace("_", "").isalpha(), name
        answers = operation["responses"]
        assert {"422", "429", "500", "503"} <= set(answers), name
        if name in NOT_PUBLIC:
            assert "401" in answers, name
        for status, answer in answers.items():
            if int(status) >= 400:
                assert answer["content"]["application/problem+json"]["examples"], (name, status)
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(ids)) == len(ids) and "create_service_token" in ids


def test_every_body_and_answer_has_an_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, operation in operations(document):
        contents = [operation.get("requestBody", {}).get("content", {})]
        contents += [a.get("content", {}) for s, a in operation["responses"].items() if s < "400"]
        for content in contents:
            for kind in content.values():
                schema = kind.get("schema", {})
                if "example" in kind or "$ref" not in schema:
                    continue
                found = schemas[schema["$ref"].rpartition("/")[2]]
                examples = "example" in found or any(
                    "examples" in p or "$ref" in p.get("items", {}) or p.get("format") == "password"
                    for p in found["properties"].values()
                )
                assert examples, (name, schema)


@pytest.mark.parametrize("name", sorted(NOT_PUBLIC))
async def test_refuses_without_a_token_before_it_reads_the_body(
    client: httpx.AsyncClient, name: str
) -> None:
    method, path = name.split()
    for content in (b"", b"{", b'{"x": 1}'):
        answer = await client.request(
            method, at(path), content=content, headers={"Content-Type": "application/json"}
        )
        assert problem(answer) == (401, "not-authenticated")
        assert answer.headers["www-authenticate"]


async def asked_until_refused(app: FastAPI, name: str, limit: int) -> list[int]:
    """Statuses of ``limit + 1`` requests, each with another id in the path."""
    method, path = name.split()
    async with client_of(app) as client:
        answers = [await client.request(method, at(path, n)) for n in range(limit + 1)]
    last = answers[-1]
    if last.status_code == 429:
        assert problem(last) == (429, "rate-limited")
        assert 0 < int(last.headers["retry-after"]) <= 61
        assert last.headers["x-ratelimit-limit"] == str(limit)
        assert last.headers["x-ratelimit-remaining"] == "0"
        assert last.headers["x-ratelimit-reset"]
    return [answer.status_code for answer in answers]


LIMITS = {
    f"{name}_rate_limit": "3/minute"
    for name in (
        "default",
        "login",
        "register",
        "refresh",
        "mail",
        "link",
        "service",
        "data_download",
    )
}


@pytest.fixture(scope="module")
async def limited_app(start_app: StartApp) -> Any:
    async with start_app(rate_limit_enabled=True, **LIMITS) as app:
        yield app


@pytest.mark.parametrize("name", sorted(PUBLIC | NOT_PUBLIC))
async def test_every_route_is_limited_whatever_ids_its_path_holds(
    limited_app: FastAPI, name: str
) -> None:
    statuses = await asked_until_refused(limited_app, name, 3)
    assert statuses[-1] == 429 and 429 not in statuses[:-1]


async def test_without_our_route_class_there_would_be_no_limit(
    start_app: StartApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""
    monkeypatch.setattr(Route, "get_route_handler", APIRoute.get_route_handler)
    async with start_app(rate_limit_enabled=True, **LIMITS) as app:
        assert 429 not in await asked_until_refused(app, "GET /.well-known/jwks.json", 3)


@pytest.mark.parametrize("method", ["TRACE", "PUT", "OPTIONS"])
async def test_other_methods_are_refused(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, f"{API}/users/me")
    assert problem(answer) == (405, "method-not-allowed")


async def test_unknown_paths_are_a_problem_too(client: httpx.AsyncClient) -> None:
    for path in ("/", "/nothing", f"{API}/auth/nothing"):
        assert problem(await client.get(path))[0] in (404, 405)


async def test_no_answer_is_kept_by_caches(client: httpx.AsyncClient, people: People) -> None:
    person = await people.sign_in()
    for path in ("/users/me", "/users/me/sessions", "/users"):
        answer = await client.get(f"{API}{path}", headers=person.headers)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers

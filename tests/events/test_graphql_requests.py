"""How queries come in: one at a time, as JSON by POST, with the guards of every other address."""

import base64
import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from graphql import get_introspection_query

from event_service.graphql import graphiql
from event_service.main import create_app
from event_service.settings import Settings
from service_kit.web.auth import csrf_claim
from service_kit.web.docs import FILES_PATH, GRAPHIQL, vendored_files
from tests.events.conftest import User, problem, sign
from tests.events.test_graphql import ask, data, errors
from tests.events.test_graphql_limits import client_of

INTROSPECTION = "{ __schema { types { name fields { name type { name ofType { name } } } } } }"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"{", "application/json"),
        (b"", "application/json"),
        (b"\xff", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"query": "{ __typename }", "variables": {"n": ' + b"9" * 5_000 + b"}}",
         "application/json"),
        (b"null", "application/json"),
        (b'"{ __typename }"', "application/json"),
        (b"{}", "application/json"),
        (b'{"query": null}', "application/json"),
        (b'{"query": ""}', "application/json"),
        (b'{"query": ["{ __typename }"]}', "application/json"),
        (b'{"query": "{ __typename }", "variables": []}', "application/json"),
        (b'{"query": "{ __typename }", "variables": "{}"}', "application/json"),
        (b'{"query": "{ __typename }", "operationName": 1}', "application/json"),
        (rb'{"query": "{ events(q: \"\ud800\") { nextCursor } }"}', "application/json"),
        (b'[{"query": "{ __typename }"}, {"query": "{ __typename }"}]', "application/json"),
        (b'{"query": "{ __typename }"}', "text/plain"),
        (b'{"query": "{ __typename }"}', "application/graphql"),
        (b"query=%7B__typename%7D", "application/x-www-form-urlencoded"),
        (b'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{}\r\n--x--',
         "multipart/form-data; boundary=x"),
    ],
)  # fmt: skip
async def test_what_is_no_request_is_a_problem(
    anybody: httpx.AsyncClient, content: bytes, media_type: str
) -> None:
    answer = await anybody.post("/graphql", content=content, headers={"Content-Type": media_type})
    assert problem(answer) == (422, "invalid-request")
    assert answer.json()["errors"]


async def test_a_request_may_say_its_charset_and_name_its_query(
    anybody: httpx.AsyncClient,
) -> None:
    asked = {"query": "query A { a: __typename } query B { b: __typename }", "operationName": "B"}
    answer = await anybody.post(
        "/graphql",
        content=json.dumps(asked),
        headers={"Content-Type": "Application/JSON; charset=utf-8"},
    )
    assert answer.json() == {"data": {"b": "Query"}}
    assert answer.headers["cache-control"] == "no-store"


async def test_a_large_body_is_refused_as_elsewhere(
    settings: Settings, anybody: httpx.AsyncClient
) -> None:
    asked = {"query": "{ __typename }", "variables": {"x": "x" * settings.max_body_bytes}}
    answer = await anybody.post("/graphql", json=asked)
    assert problem(answer) == (413, "too-large")

    async def unannounced() -> AsyncIterator[bytes]:
        yield json.dumps(asked).encode()

    answer = await anybody.post(
        "/graphql", content=unannounced(), headers={"Content-Type": "application/json"}
    )
    assert problem(answer) == (413, "too-large")


@pytest.mark.parametrize("sent", [None, "of-another-session", "mine"])
async def test_a_cookie_needs_its_csrf_token(
    anybody: httpx.AsyncClient, guest: User, sent: str | None
) -> None:
    session = sign(guest.id, csrf=csrf_claim("mine"))
    headers = {"Cookie": f"parterre_session={session}"} | ({"X-CSRF-Token": sent} if sent else {})
    query = {"query": "{ viewer { bookings { nextCursor } } }"}
    answer = await anybody.post("/graphql", json=query, headers=headers)
    if sent == "mine":
        assert answer.json() == {"data": {"viewer": {"bookings": {"nextCursor": None}}}}
    else:
        assert problem(answer) == (403, "csrf-failed")


async def test_production_tells_nothing_of_the_schema(settings: Settings) -> None:
    meant = "Did you mean"
    wrong = ("{ viever { bookings { nextCursor } } }", "{ events(citi: 1) { nextCursor } }",
             "{ ...on Evant { id } }")  # fmt: skip
    async with client_of(settings, environment="production") as client:
        for query in (INTROSPECTION, '{ __type(name: "Event") { name } }'):
            body = await ask(client, query)
            assert body["data"] is None
            assert set(errors(body)) == {("invalid-request", 422)}
        for query in wrong:
            assert meant not in json.dumps(await ask(client, query))
        assert await data(client, "{ __typename }") == {"__typename": "Query"}
    async with client_of(settings, environment="development") as client:
        # What editors ask before anything else.
        await data(client, get_introspection_query(input_value_deprecation=True))
        assert "Event" in json.dumps(await data(client, INTROSPECTION))
        for query in wrong:
            assert meant in json.dumps(await ask(client, query))
    async with client_of(settings, environment="production", graphql_introspection=True) as client:
        await data(client, INTROSPECTION)


async def test_only_development_has_a_page_to_try_queries(settings: Settings) -> None:
    for environment in ("production", "test"):
        async with client_of(settings, environment=environment) as client:
            answer = await client.get("/graphql?query={__typename}")
            assert problem(answer) == (405, "method-not-allowed")
            assert answer.headers["allow"] == "POST"
    async with client_of(settings, environment="development") as client:
        page = await client.get("/graphql")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy and "unsafe-eval" not in policy
        assert "script-src 'self' 'sha256-" in policy and "http" not in policy
        # The names of our cookie and header took the place of the library's.
        assert '"csrf_token"' in page.text and '"x-csrf-token"' in page.text
        assert "csrftoken" not in page.text
        for method in ("PUT", "DELETE", "PATCH"):
            answer = await client.request(method, "/graphql")
            assert problem(answer) == (405, "method-not-allowed")


def test_the_policy_names_every_script_of_the_page() -> None:
    page = graphiql.page()
    inline = page.count("<script>")
    assert inline == graphiql.content_security_policy().count("'sha256-") > 0
    assert page.count("<script\n") == page.count(f'src="{GRAPHIQL}/') == 5
    assert re.findall(r"(?:src|href)=\s*.(?:https?:)?//", page) == []


def test_the_files_of_the_page_are_those_that_it_names() -> None:
    found = re.findall(r'(?:src|href)="([^"]+)"\s+integrity="sha384-([^"]+)"', graphiql.page())
    assert len(found) == 7
    for address, integrity in found:
        file = vendored_files()[address.removeprefix(f"{FILES_PATH}/")]
        assert base64.b64encode(file.sha384).decode() == integrity, address


def test_the_operation_is_documented(app: FastAPI, settings: Settings) -> None:
    document = app.openapi()
    # The page to try queries is there in development only, as this application is.
    assert list(document["paths"]["/api/v1/graphql"]) == ["get", "post"]
    production = create_app(settings.model_copy(update={"environment": "production"})).openapi()
    assert list(production["paths"]["/api/v1/graphql"]) == ["post"]
    operation = document["paths"]["/api/v1/graphql"]["post"]
    assert (operation["operationId"], bool(operation["summary"])) == ("run_query", True)
    assert {"200", "401", "403", "413", "422", "429", "500", "503"} <= set(operation["responses"])
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert "query" in schema["examples"][0]

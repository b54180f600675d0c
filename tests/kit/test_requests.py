"""What of a request is looked at before any library sees it."""

import json

import httpx
import pytest

from tests.kit.conftest import bearer, problem

MARKS = "a" + "\u0301\u0327" * 16


@pytest.mark.parametrize(
    "body",
    [
        {"name": MARKS},
        {"name": "x", "details": {"deep": [[{"in": MARKS}]]}},
        {"name": "x", "details": {MARKS: 1}},
        {"name": "x", "details": {"long": "x" * 20_001}},
        {"name": "x", "unknown": MARKS},
    ],
)
@pytest.mark.parametrize("encoding", ["escaped", "utf-8", "utf-16-le", "utf-16", "utf-32"])
async def test_no_string_of_a_body_escapes(
    client: httpx.AsyncClient, body: object, encoding: str
) -> None:
    text = json.dumps(body, ensure_ascii=encoding == "escaped")
    content = text.encode("ascii" if encoding == "escaped" else encoding)
    headers = bearer() | {"Content-Type": "application/json"}
    answer = await client.post("/things", content=content, headers=headers)
    assert problem(answer) == (422, "invalid-request")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"/things/{MARKS}/narrow", "path"),
        (f"/things/{'x' * 2_048}/narrow", "path"),
        (f"/open?cursor={MARKS}", "query"),
        (f"/open?unknown={MARKS}", "query"),
        (f"/open?{MARKS}=1", "query"),
        (f"/open?unknown={'x' * 8_192}", "query"),
    ],
)
async def test_no_string_of_an_address_escapes(
    client: httpx.AsyncClient, path: str, field: str
) -> None:
    refused = await client.get(path)
    assert problem(refused) == (422, "invalid-request")
    assert refused.json()["errors"][0]["field"] == field


async def test_no_header_escapes(client: httpx.AsyncClient) -> None:
    refused = await client.get("/open", headers={"If-None-Match": "x" * 8_193})
    assert problem(refused) == (422, "invalid-request")
    assert refused.json()["errors"][0]["field"] == "if-none-match"
    token = await client.post("/things", headers={"Authorization": "Bearer " + "x" * 8_193})
    assert problem(token) == (401, "not-authenticated")


async def test_who_you_are_comes_first_here_too(client: httpx.AsyncClient) -> None:
    assert problem(await client.post(f"/things?x={MARKS}")) == (401, "not-authenticated")

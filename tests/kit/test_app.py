"""What every service answers to what nobody should send, and what it says when it breaks."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.kit.conftest import Door, MakeSettings, bearer, client_of, problem, serving


async def test_every_answer_that_is_no_success_is_a_problem(client: httpx.AsyncClient) -> None:
    root = "http://localhost"
    assert problem(await client.get("/nowhere/at/all")) == (404, "not-found")
    wrong = await client.put("/things", json={})
    assert problem(wrong) == (405, "method-not-allowed")
    assert wrong.headers["allow"] == "POST"
    assert problem(await client.request("TRACE", f"{root}/docs")) == (405, "method-not-allowed")
    assert problem(await client.get("/open?limit=0")) == (422, "invalid-request")


async def test_a_mistake_is_named_by_its_field_and_not_repeated(client: httpx.AsyncClient) -> None:
    refused = await client.post("/things", json={"name": "x" * 21}, headers=bearer())
    assert problem(refused) == (422, "invalid-request")
    assert refused.json()["errors"][0]["field"] == "name"
    assert "xxxx" not in refused.text


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "a\\u0000b"}',
        b'{"name": "\\ud800"}',
        b'{"name": "a", "details": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"name": "a", "details": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}",
        b'{"name": ' + b"9" * 5_000 + b"}",
        b"\x00",
    ],
)
async def test_hostile_json_is_a_mistake_and_no_crash(
    client: httpx.AsyncClient, body: bytes
) -> None:
    refused = await client.post("/things", content=body, headers=bearer())
    assert problem(refused) == (422, "invalid-request")


async def test_a_body_is_refused_at_its_limit_however_it_is_sent(
    client: httpx.AsyncClient,
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65_536

    headers = bearer() | {"Content-Type": "application/json"}
    declared = await client.post("/things", content=b" " * 10_000_000, headers=headers)
    streamed = await client.post("/things", content=chunks(), headers=headers)
    assert problem(declared) == problem(streamed) == (413, "too-large")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "[::2]"])
async def test_a_foreign_host_is_refused(client: httpx.AsyncClient, host: str) -> None:
    assert problem(await client.get("/open", headers={"Host": host})) == (400, "bad-host")


async def test_probes_come_by_address(client: httpx.AsyncClient) -> None:
    for path in ("live", "ready"):
        url = f"http://localhost/health/{path}"
        assert (await client.get(url, headers={"Host": "10.1.2.3:8000"})).status_code == 200


async def test_readiness_names_what_is_missing_and_life_asks_nobody(
    make_settings: MakeSettings, unused_tcp_port: int
) -> None:
    away = f"postgresql+asyncpg://nobody@127.0.0.1:{unused_tcp_port}/none"
    async with serving(make_settings(database_url=away)) as app, client_of(app) as client:
        live = await client.get("http://localhost/health/live")
        ready = await client.get("http://localhost/health/ready")
        used = await client.post("/late-failure", headers=bearer())
    assert live.status_code == 200
    assert problem(ready) == (503, "not-ready")
    assert ready.json()["missing"] == ["postgresql"]
    assert problem(used) == (503, "unavailable")
    assert int(used.headers["retry-after"]) >= 1


async def test_a_failed_commit_is_no_success(client: httpx.AsyncClient) -> None:
    answer = await client.post("/late-failure", headers=bearer())
    assert problem(answer) == (500, "internal-error")


async def test_a_statement_that_takes_too_long_is_unavailable(client: httpx.AsyncClient) -> None:
    answer = await client.get("/busy")
    assert problem(answer) == (503, "unavailable")


async def test_a_crash_says_nothing_of_the_inside_and_carries_its_id(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await client.get("/crash?secret=needle", headers={"X-Request-ID": "my-id-1"})
    assert problem(answer) == (500, "internal-error")
    for word in ("needle", "SELECT", "RuntimeError", "Traceback", "fastapi"):
        assert word not in answer.text
    assert answer.json()["request_id"] == "my-id-1"


@pytest.mark.parametrize("sent", ["a\tb", "x" * 65, "-x", '{"a": 1}', "é"])
async def test_a_request_id_that_is_no_sane_token_is_replaced(
    client: httpx.AsyncClient, sent: str
) -> None:
    answer = await client.get("/open", headers={b"X-Request-ID": sent.encode()})
    assert answer.headers["x-request-id"].isascii()
    assert answer.headers["x-request-id"] != sent


async def test_a_path_cannot_write_a_line_of_its_own_into_the_log(
    make_settings: MakeSettings, capfd: pytest.CaptureFixture[str]
) -> None:
    async with serving(make_settings()) as app, client_of(app) as client:
        for handler in logging.getLogger().handlers:
            handler.flush()
        await client.get("http://localhost/x%0A%7B%22event%22:%22forged%22%7D?token=needle")
    lines = [line for line in capfd.readouterr().out.splitlines() if '"request' in line]
    assert [json.loads(line)["path"] for line in lines] == ["/*"]
    assert "needle" not in "".join(lines)


async def test_answers_carry_the_headers_that_browsers_heed(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/open")).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "strict-transport-security" in headers
    assert "server" not in headers


async def test_foreign_pages_get_no_permission(make_settings: MakeSettings) -> None:
    ours, evil = "https://tickets.example", "https://evil.example"
    async with serving(make_settings(cors_origins=(ours,))) as app, client_of(app) as client:
        for origin in (ours, evil):
            preflight = await client.options(
                "/things",
                headers={
                    "Origin": origin,
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "X-CSRF-Token",
                },
            )
            allowed = preflight.headers.get("access-control-allow-origin")
            assert allowed == (ours if origin == ours else None)


async def test_metrics_count_by_route_and_not_by_path(client: httpx.AsyncClient) -> None:
    await client.get("/things/7/narrow")
    shown = (await client.get("http://localhost/metrics")).text
    assert 'route="/api/v1/things/{thing_id}/narrow"' in shown
    assert "/7/" not in shown


@pytest.mark.parametrize("inside", [2, 3])
async def test_who_comes_when_all_places_are_taken_is_sent_away_at_once(
    make_settings: MakeSettings, inside: int
) -> None:
    """The second case has a place for the third."""
    settings = make_settings(max_concurrent_requests=inside)
    async with serving(settings) as app, client_of(app) as client:
        app.state.door = Door()
        waiting = [asyncio.create_task(client.get("/door")) for _ in range(2)]
        for _ in waiting:
            await app.state.door.went_in.acquire()
        third = await client.get("/open")
        assert (await client.get("http://localhost/health/live")).status_code == 200
        if inside == 2:
            assert problem(third) == (503, "unavailable")
            assert 1 <= int(third.headers["retry-after"]) <= 3
        else:
            assert third.status_code == 200
        app.state.door.is_open.set()
        assert [(await task).status_code for task in waiting] == [200, 200]
        assert (await client.get("/open")).status_code == 200


async def test_a_page_elsewhere_can_read_that_it_was_sent_away(make_settings: MakeSettings) -> None:
    ours = {"Origin": "https://tickets.example"}
    settings = make_settings(max_concurrent_requests=1, cors_origins=tuple(ours.values()))
    async with serving(settings) as app, client_of(app) as client:
        app.state.door = Door()
        inside = asyncio.create_task(client.get("/door"))
        await app.state.door.went_in.acquire()
        refused = await client.get("/open", headers=ours)
        strangers = await client.get("/open", headers={"Origin": "https://evil.example"})
        app.state.door.is_open.set()
        await inside
    assert problem(refused) == problem(strangers) == (503, "unavailable")
    assert refused.headers["access-control-allow-origin"] == ours["Origin"]
    assert "Retry-After" in refused.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in strangers.headers


async def test_the_published_form_names_the_problems(client: httpx.AsyncClient) -> None:
    document = (await client.get("http://localhost/openapi.json")).json()
    operation = document["paths"]["/api/v1/things"]["post"]
    assert operation["operationId"] == "create_thing"
    assert {"422", "429", "500", "503"} <= set(operation["responses"])
    assert "ProblemDocument" in document["components"]["schemas"]
    assert "HTTPValidationError" not in json.dumps(document)

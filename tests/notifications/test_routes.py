"""Every route that notification-service publishes is limited, asks for a token unless it is named here,
and answers what nobody should send with a 4xx problem."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from notification_service.main import create_app
from notification_service.settings import Settings
from service_kit.database.engine import Database
from tests.notifications.people import as_service, sign_in

PUBLIC = {
    ("GET", "/api/v1/notifications/unsubscribe/{token}"),
    ("POST", "/api/v1/notifications/unsubscribe/{token}"),
}
KNOWN = {
    ("GET", "/api/v1/notifications"),
    ("POST", "/api/v1/notifications/{notification_id}/resend"),
    ("PUT", "/api/v1/notifications/preferences"),
}
HOSTILE = {
    "SQL": "1' OR '1'='1'; DROP TABLE notification; --",
    "a NUL byte": "a\x00b",
    "a negative number": "-1",
    "a huge number": "1" + "0" * 400,
    "very many characters": "x" * 20_000,
    "a template": "{{ 7 * 7 }}${7*7}",
    "a path": "../../../../etc/passwd",
    "turned text": "\u202egnp.exe",
}
ANYBODY = sign_in(is_superuser=True)
SERVICE = as_service("notifications:send")

Operation = tuple[str, str, dict[str, Any]]


def operations(settings: Settings) -> Iterator[Operation]:
    for path, methods in create_app(settings).openapi()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


@pytest.fixture
def published(options: dict[str, Any]) -> list[Operation]:
    found = sorted(operations(Settings(**options)), key=lambda one: one[:2])
    # An enumeration that finds nothing would find nothing wrong.
    assert {(method, path) for method, path, _ in found} >= PUBLIC | KNOWN
    return found


def address(path: str, value: str) -> str:
    return "http://test" + re.sub(r"\{[^}]+\}", quote(value, safe=""), path)


async def test_without_a_token_only_public_routes_answer(
    client: httpx.AsyncClient, published: list[Operation]
) -> None:
    for method, path, _ in published:
        answer = await client.request(method, address(path, str(uuid4())))
        is_refused = answer.status_code == 401
        assert is_refused == ((method, path) not in PUBLIC), (method, path, answer.text)


@pytest.fixture
async def limited_app(options: dict[str, Any], database: Database) -> Any:
    limits = {name: "1/hour" for name in Settings.model_fields if name.endswith("_rate_limit")}
    app = create_app(Settings(**options | {"rate_limit_enabled": True} | limits))
    async with app.router.lifespan_context(app):
        yield app


async def test_every_route_has_a_limit(limited_app: FastAPI, published: list[Operation]) -> None:
    """Each time with another id, so that no limit can count by them."""
    visitor = httpx.ASGITransport(limited_app, client=("192.0.2.78", 7878))
    async with httpx.AsyncClient(transport=visitor) as client:
        for method, path, _ in published:
            first = await client.request(method, address(path, str(uuid4())))
            second = await client.request(method, address(path, str(uuid4())))
            assert first.status_code != 429, (method, path)
            assert second.status_code == 429, (method, path, second.status_code)
            assert second.json()["type"] == "urn:problem:rate-limited"
            assert int(second.headers["Retry-After"]) > 0


def headers_for(operation: dict[str, Any]) -> dict[str, str]:
    return SERVICE if "services only" in operation["summary"] else ANYBODY


def is_problem(answer: httpx.Response) -> bool:
    return (
        400 <= answer.status_code < 500
        and answer.headers["content-type"] == "application/problem+json"
    )


@pytest.mark.parametrize("what", HOSTILE)
async def test_no_parameter_takes_what_nobody_should_send(
    client: httpx.AsyncClient, published: list[Operation], what: str
) -> None:
    tried = 0
    for method, path, operation in published:
        for parameter in operation.get("parameters", []):
            value, name, place = HOSTILE[what], parameter["name"], parameter["in"]
            if place not in ("path", "query"):
                continue
            fitting = value if place == "path" else "booking-confirmed"
            params = {name: value} if place == "query" else {}
            answer = await client.request(
                method, address(path, fitting), params=params, headers=headers_for(operation)
            )
            assert is_problem(answer), (method, path, name, answer.status_code)
            tried += 1
    assert tried > 8


BODIES: dict[str, dict[str, Any]] = {
    "": {"kind": "reset-password", "user_id": str(uuid4()), "data": {}, "dedup_key": "reset:1"},
    "/preview": {"kind": "reset-password", "data": {}, "locale": "en"},
    "/missing": {"ids": [str(uuid4())]},
}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "' OR 1=1 --", "x\r\nBcc: evil@example.com"])
async def test_a_body_with_a_hostile_text_in_any_field_is_422(
    client: httpx.AsyncClient, path: str, text: str
) -> None:
    right, sent = BODIES[path], SERVICE | {"Content-Type": "application/json"}
    well = await client.post(f"/notifications{path}", json=right, headers=SERVICE)
    assert well.status_code in (200, 202)
    for name in right:
        if text == "' OR 1=1 --" and name == "dedup_key":
            # A key is whatever its sender likes, and stays a parameter of the statement.
            continue
        # Escaped: a lone surrogate has no bytes of its own.
        body = json.dumps(right | {name: text})
        answer = await client.post(f"/notifications{path}", content=body, headers=sent)
        assert answer.status_code == 422, (name, answer.text)
        assert answer.json()["type"] == "urn:problem:invalid-request"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 100_000, 422),
        (b'{"ids": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", 422),
        (b'{"ids": ["' + b"x" * 10_000_000 + b'"]}', 413),
        (b"\xff\xfe", 422),
        (b'{"ids": NaN}', 422),
    ],
)
async def test_a_body_that_is_no_sane_json_is_refused(
    client: httpx.AsyncClient, body: bytes, status: int
) -> None:
    sent = SERVICE | {"Content-Type": "application/json"}

    answer = await client.post("/notifications/missing", content=body, headers=sent)

    assert is_problem(answer)
    assert answer.status_code == status


async def test_what_a_sender_may_not_decide_is_not_taken_from_it(
    client: httpx.AsyncClient,
) -> None:
    """Mass assignment: of a wish only its own fields count."""
    user_id = uuid4()
    wish = BODIES[""] | {"user_id": str(user_id), "dedup_key": f"reset:{user_id}"}
    more = {"status": "sent", "attempts": 99, "id": str(uuid4()), "sent_at": "2020-01-01T00:00:00Z"}

    accepted = await client.post("/notifications", json=wish | more, headers=SERVICE)
    shown = await client.get("/notifications", headers=sign_in(user_id))

    assert accepted.status_code == 202
    [item] = shown.json()["items"]
    assert (item["status"], item["attempts"], item["sent_at"]) == ("queued", 0, None)
    assert item["id"] != more["id"]

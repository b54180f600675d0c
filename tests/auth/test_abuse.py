"""Odd input in every field of every body: an answer of ours, never a crash."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from auth_service.accounts.schemas import ProfileChanges, Registration, ResetForm, UserChanges
from tests.auth.conftest import StartApp, client_of
from tests.auth.people import API, PASSWORD, People, Person, new_address, problem
from tests.conftest import FreshDatabase

JSON = {"Content-Type": "application/json"}
ODD: list[Any] = [
    "' OR '1'='1' --", "'; DROP TABLE account; --", "\x00", "a\x00b", "\ud800", "\udfff\ud800",
    "\u202e", "\u2028", "\r\nBcc: evil@example.com", "<script>alert(1)</script>", "=1+1", "%n%s",
    "${jndi:ldap://127.0.0.1/x}", "../../etc/passwd", "\U0001f600" * 10_000, "x" * 100_000, "", " ",
    None, True, 0, -1, 10**30, 1.5, [], {}, [[]], {"$gt": ""}, "0001-01-01T00:00:00Z", "NaN",
]  # fmt: skip
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "/auth/register": ("POST", {"email": "", "password": "", "full_name": "", "locale": ""}),
    "/auth/refresh": ("POST", {"refresh_token": ""}),
    "/auth/logout": ("POST", {"refresh_token": ""}),
    "/auth/verify": ("POST", {"token": ""}),
    "/auth/reset-password": ("POST", {"token": "", "password": ""}),
    "/auth/forgot-password": ("POST", {"email": ""}),
    "/auth/request-verify-token": ("POST", {"email": ""}),
    "/auth/links": ("POST", {"user_id": "", "kind": "", "email": ""}),
    "/users/me": (
        "PATCH",
        {"email": "", "password": "", "full_name": "", "locale": "", "current_password": ""},
    ),
    "/users/{id}": (
        "PATCH",
        {"full_name": "", "locale": "", "is_active": "", "is_superuser": "", "is_verified": ""},
    ),
}


def cases() -> Iterator[tuple[str, str]]:
    for path, (_, fields) in BODIES.items():
        for field in fields:
            yield path, field


async def a_full_body(path: str, person: Person) -> dict[str, Any]:
    good: dict[str, Any] = {
        "email": new_address(), "password": "another horse battery", "full_name": "Ann", "locale": "en",
        "current_password": PASSWORD, "refresh_token": "x", "token": "x", "user_id": str(person.id),
        "kind": "reset-password", "is_active": True, "is_superuser": False, "is_verified": True,
    }  # fmt: skip
    return {field: good[field] for field in BODIES[path][1]}


@pytest.mark.parametrize(("path", "field"), list(cases()))
async def test_odd_values_get_an_answer_and_never_a_crash(
    auth_app: FastAPI, client: httpx.AsyncClient, people: People, path: str, field: str
) -> None:
    person, admin = await people.sign_in(), await people.superuser()
    headers = admin.headers if path == "/users/{id}" else person.headers
    if path == "/auth/links":
        token = await auth_app.state.token_issuer.for_service("x", "auth:links")
        headers = {"Authorization": f"Bearer {token}"}
    url = API + path.replace("{id}", str(person.id))
    for value in ODD:
        body = {**await a_full_body(path, person), field: value}
        content = json.dumps(body)
        answer = await client.request(
            BODIES[path][0], url, content=content, headers={**headers, **JSON}
        )
        assert answer.status_code < 500, (value, answer.text)
        if answer.status_code >= 400:
            status, code = problem(answer)
            assert code != "internal-error"
            # What was sent does not come back, and no library tells on itself.
            if isinstance(value, str) and len(value) > 3:
                assert value not in answer.text
            assert not {"Traceback", "asyncpg", "sqlalchemy", "pydantic"} & set(answer.text.split())


@pytest.mark.parametrize("path", ["/auth/register", "/auth/refresh"])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", 422), (b"{", 422), (b"null", 422), (b"[]", 422), (b'"x"', 422), (b"\xff\xfe", 422),
        (b"[" * 100_000, 422), (b'{"email":' * 5_000, 422), (b'{"a":1}' * 2, 422),
        (b'{"email": "' + b"x" * 2_000_000 + b'"}', 413), (b"x" * 10_000_000, 413),
        (b'{"refresh_token": 1e999, "email": NaN}', 422),
    ],
)  # fmt: skip
async def test_unreadable_nested_and_huge_bodies(
    client: httpx.AsyncClient, path: str, content: bytes, expected: int
) -> None:
    answer = await client.post(f"{API}{path}", content=content, headers=JSON)
    assert problem(answer)[0] == expected


async def test_a_huge_body_without_a_length_is_stopped(client: httpx.AsyncClient) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b"x" * 100_000

    for path in ("/auth/register", "/auth/refresh", "/auth/login", "/auth/token"):
        for kind in ("application/json", "application/x-www-form-urlencoded"):
            answer = await client.post(
                f"{API}{path}", content=endless(), headers={"Content-Type": kind}
            )
            assert problem(answer)[0] in (401, 413, 422), path


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "application/xml", "x", ""])
async def test_other_content_types_are_refused(client: httpx.AsyncClient, kind: str) -> None:
    content = json.dumps({"email": new_address(), "password": PASSWORD})
    answer = await client.post(
        f"{API}/auth/register", content=content, headers={"Content-Type": kind}
    )
    assert problem(answer)[0] in (413, 422)


async def test_a_foreign_host_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/.well-known/jwks.json", headers={"Host": "evil.example"})
    assert problem(answer) == (400, "bad-host")


async def test_a_request_id_is_taken_if_it_is_a_sane_token(client: httpx.AsyncClient) -> None:
    for sent, kept in (("abc-123", True), ("a b", False), ("x" * 65, False), ('{"a":1}', False)):
        answer = await client.get("/.well-known/jwks.json", headers={"X-Request-ID": sent})
        assert (answer.headers["x-request-id"] == sent) is kept


def test_no_schema_of_a_person_takes_rights() -> None:
    forbidden = {"is_superuser", "is_verified", "is_active", "id", "hashed_password"}
    for schema in (Registration, ProfileChanges, ResetForm):
        assert not forbidden & set(schema.model_fields)
    assert "email" not in UserChanges.model_fields


FAILS_AT_COMMIT = (
    "CREATE FUNCTION fail() RETURNS trigger AS 'BEGIN RAISE EXCEPTION ''no''; END' LANGUAGE plpgsql",
    "CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON mail_request "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()",
)
NEEDLES = ("needle", "N33dle")


@pytest.mark.usefixtures("own_logs")
async def test_logs_and_trail_hold_no_secret_and_no_address(
    start_app: StartApp, fresh_database: FreshDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything that people type in a walk through the service, looked for in what it writes."""
    password, new = "N33dle horse battery", "N33dle new battery"
    async with start_app(database_url=await fresh_database("auth"), log_level="DEBUG") as app:
        async with client_of(app) as client:
            people = People(client, app.state.database)
            person = await people.register(
                "needle@example.com", password=password, full_name="Needle"
            )
            person.password = password
            person = await people.sign_in(person)
            await people.try_password(person.email, "N33dle wrong")
            await people.try_password("needle-unknown@example.com", "N33dle wrong")
            await client.post(f"{API}/auth/forgot-password", json={"email": person.email})
            await client.post(f"{API}/auth/refresh", json={"refresh_token": person.refresh_token})
            body = {"email": "needle2@example.com", "password": new, "current_password": password}
            changed = await client.patch(f"{API}/users/me", headers=person.headers, json=body)
            assert changed.status_code == 200, changed.text
            await client.get(f"{API}/users/me", headers={"Authorization": "Bearer needle.needle.x"})
            trail = [event.model_dump_json() for event in await people.audit(person)]
            sent = [json.dumps(message.message) for message in await people.messages(person)]
    told = capsys.readouterr()
    written = [told.out, told.err, *trail, *sent]
    assert len(trail) > 4 and "request" in told.out
    for secret in (*NEEDLES, person.access_token, person.refresh_token, "Needle"):
        assert not [text for text in written if secret in text], secret


@pytest.mark.usefixtures("own_logs")
async def test_a_crash_at_sign_in_logs_no_secret(
    start_app: StartApp, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(self: object, password: str, hashed: str | None) -> None:
        raise RuntimeError(f"cannot verify {password} of needle@example.com")

    monkeypatch.setattr("auth_service.identity.hashing.Hasher.verify", crash)
    async with start_app() as app, client_of(app) as client:
        answer = await People(client, app.state.database).try_password(
            "needle@example.com", "N33dle password"
        )
    told = capsys.readouterr()
    assert problem(answer) == (500, "internal-error")
    assert "request.crashed" in told.out
    for needle in NEEDLES:
        assert needle not in told.out + told.err + answer.text


async def test_a_commit_that_fails_is_never_a_success(
    start_app: StartApp, fresh_database: FreshDatabase
) -> None:
    async with (
        start_app(database_url=await fresh_database("auth")) as app,
        client_of(app) as client,
    ):
        async with app.state.database.transaction() as session:
            for statement in FAILS_AT_COMMIT:
                await session.execute(text(statement))
        answer = await client.post(f"{API}/auth/forgot-password", json={"email": "a@example.com"})
    assert problem(answer) == (500, "internal-error")

"""POST /auth/token: tokens for services."""

import base64

import httpx
import jwt
import pytest
from fastapi import FastAPI

from auth_service.clients.local import SCOPE, LocalServiceClient
from auth_service.clients.service import add_secret, hash_secret
from auth_service.migrate import create_key_and_clients
from auth_service.models import ServiceClient
from service_kit.database.engine import Database
from service_kit.ids import new_id
from service_kit.web.tokens import SERVICE_AUDIENCE, KeySet, TokenVerifier, fetch_keys_from
from tests.auth.conftest import MakeSettings
from tests.auth.people import API, People, problem

TOKEN = f"{API}/auth/token"
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
async def credentials(database: Database) -> tuple[str, str]:
    client_id = f"test-{new_id().hex[:12]}"
    async with database.transaction() as session:
        secret = await add_secret(session, client_id, ["users:contact", "notifications:send"])
    return client_id, secret


async def test_answers_a_token_that_other_services_believe(
    client: httpx.AsyncClient, credentials: tuple[str, str]
) -> None:
    answer = await client.post(TOKEN, data=GRANT, auth=credentials)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["token_type"] == "bearer" and body["expires_in"] == 600
    assert body["scope"] == "notifications:send users:contact"
    verifier = TokenVerifier(
        KeySet(fetch_keys_from("https://localhost", client)), issuer="parterre", leeway_seconds=30
    )
    principal = await verifier.verify(body["access_token"])
    assert principal.id == f"service:{credentials[0]}" and principal.user_id is None
    assert principal.scopes == {"notifications:send", "users:contact"}


async def test_gives_a_part_of_the_scope_but_never_more(
    client: httpx.AsyncClient, credentials: tuple[str, str]
) -> None:
    part = await client.post(TOKEN, data={**GRANT, "scope": "users:contact"}, auth=credentials)
    assert part.json()["scope"] == "users:contact"
    more = await client.post(
        TOKEN, data={**GRANT, "scope": "users:contact auth:links"}, auth=credentials
    )
    assert problem(more) == (400, "invalid-scope")
    assert more.json()["error"] == "invalid_scope"


async def test_refuses_a_client_before_it_reads_the_form(
    client: httpx.AsyncClient, credentials: tuple[str, str]
) -> None:
    client_id, secret = credentials
    wrong = [
        (client_id, "wrong"), (client_id, ""), ("", ""), ("nobody", secret), (client_id, secret + "x"),
        ("a\x00b", secret), (client_id.upper(), secret),
    ]  # fmt: skip
    for auth in wrong:
        answer = await client.post(TOKEN, data={}, auth=auth)
        assert problem(answer) == (401, "not-authenticated")
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert answer.json()["error"] == "invalid_client"
    for header in ("Basic", "Basic !!!", "Basic " + base64.b64encode(b"nocolon").decode(),
                   "Basic " + base64.b64encode(b"\xff:\xff").decode(), "Bearer x"):  # fmt: skip
        answer = await client.post(TOKEN, data=GRANT, headers={"Authorization": header})
        assert problem(answer) == (401, "not-authenticated"), header
    assert problem(await client.post(TOKEN, data=GRANT)) == (401, "not-authenticated")


async def test_gives_no_other_grant(
    client: httpx.AsyncClient, credentials: tuple[str, str]
) -> None:
    for grant in ("password", "authorization_code", "x"):
        answer = await client.post(TOKEN, data={"grant_type": grant}, auth=credentials)
        assert problem(answer) == (400, "unsupported-grant-type")
    assert problem(await client.post(TOKEN, data={}, auth=credentials))[0] == 422


async def test_a_service_is_not_a_person(
    client: httpx.AsyncClient, people: People, credentials: tuple[str, str]
) -> None:
    token = (await client.post(TOKEN, data=GRANT, auth=credentials)).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert problem(await client.get(f"{API}/users/me", headers=headers)) == (403, "forbidden")
    assert problem(await client.get(f"{API}/users", headers=headers)) == (403, "forbidden")
    person = await people.register()
    contact = await client.get(f"{API}/users/{person.id}/contact", headers=headers)
    assert contact.status_code == 200


async def test_stores_no_secret(database: Database, credentials: tuple[str, str]) -> None:
    async with database.transaction() as session:
        row = await session.get(ServiceClient, credentials[0])
    assert row and row.secret_hash == hash_secret(credentials[1])


async def test_an_installation_starts_with_its_own_clients_and_rotates_by_the_environment(
    client: httpx.AsyncClient, auth_settings: MakeSettings
) -> None:
    async def ask(client_id: str, secret: str) -> httpx.Response:
        return await client.post(TOKEN, data=GRANT, auth=(client_id, secret))

    first, second = "first-secret-" * 4, "second-secret-" * 4
    for _ in range(2):
        await create_key_and_clients(
            auth_settings(
                event_service_client_secret=first, notification_service_client_secret=first
            )
        )
    assert (await ask("event-service", first)).json()["scope"] == "notifications:send users:contact"
    assert (await ask("notification-service", first)).json()["scope"] == "auth:links users:contact"
    await create_key_and_clients(auth_settings(event_service_client_secret=second))
    for secret in (first, second):
        assert (await ask("event-service", secret)).status_code == 200
    # What is not set stays.
    assert (await ask("notification-service", first)).status_code == 200


async def test_the_relay_signs_for_itself(auth_app: FastAPI, auth_settings: MakeSettings) -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"missing": []})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        relay = LocalServiceClient(auth_settings(), http, auth_app.state.token_issuer)
        for _ in range(2):
            await relay.request("POST", "http://localhost/api/v1/notifications/missing")
    tokens = [request.headers["authorization"].removeprefix("Bearer ") for request in sent]
    claims = jwt.decode(tokens[0], options={"verify_signature": False})
    assert (claims["sub"], claims["aud"]) == ("auth-service", SERVICE_AUDIENCE)
    assert claims["scope"] == SCOPE
    assert tokens[0] == tokens[1] and len(sent) == 2

"""Clients that we did not write, against a real server: oauthlib and PyJWT's PyJWKClient."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
from oauthlib.oauth2 import (  # type: ignore[import-untyped]
    BackendApplicationClient,
    LegacyApplicationClient,
    OAuth2Error,
)

from auth_service.clients.service import add_secret
from auth_service.main import create_app
from service_kit.database.engine import Database
from service_kit.web.tokens import ALGORITHM, USER_AUDIENCE
from tests.auth.conftest import MakeSettings
from tests.auth.people import API, PASSWORD, new_address
from tests.auth.processes import Served

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
async def server(auth_settings: MakeSettings) -> AsyncIterator[str]:
    async with Served(create_app(auth_settings())) as url:
        yield url


async def post(url: str, body: str, auth: tuple[str, str] | None = None) -> str:
    async with httpx.AsyncClient(auth=auth) as client:
        answer = await client.post(url, content=body, headers=FORM)
    return answer.text


async def register(server: str) -> str:
    email = new_address()
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{server}{API}/auth/register", json={"email": email, "password": PASSWORD}
        )
    assert answer.status_code == 201, answer.text
    return email


async def test_oauthlib_signs_in_and_refreshes(server: str) -> None:
    client, email = LegacyApplicationClient("any"), await register(server)
    body = client.prepare_request_body(email, PASSWORD, include_client_id=False)
    client.parse_request_body_response(await post(f"{server}{API}/auth/login", body))
    first = client.access_token
    assert client.refresh_token and client.token_type == "bearer" and client.expires_in == 600
    body = client.prepare_refresh_body(refresh_token=client.refresh_token)
    client.parse_request_body_response(await post(f"{server}{API}/auth/refresh", body))
    assert client.access_token != first
    # It sends tokens by TLS only.
    _, headers, _ = client.add_token("https://localhost")
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{server}{API}/users/me", headers=headers)).json()["email"] == email


async def test_oauthlib_understands_refusals(server: str) -> None:
    client, email = LegacyApplicationClient("any"), await register(server)
    body = client.prepare_request_body(email, "not the password")
    refused = await post(f"{server}{API}/auth/login", body)
    with pytest.raises(OAuth2Error, match="invalid_grant"):
        client.parse_request_body_response(refused)
    body = client.prepare_refresh_body(refresh_token="unknown")
    refused = await post(f"{server}{API}/auth/refresh", body)
    with pytest.raises(OAuth2Error, match="invalid_grant"):
        client.parse_request_body_response(refused)


async def test_oauthlib_gets_a_service_token(server: str, database: Database) -> None:
    async with database.transaction() as session:
        secret = await add_secret(session, "oauthlib", ["users:contact"])
    client = BackendApplicationClient("oauthlib", scope="users:contact")
    body = client.prepare_request_body(include_client_id=False)
    answer = await post(f"{server}{API}/auth/token", body, auth=("oauthlib", secret))
    client.parse_request_body_response(answer)
    assert client.access_token and client.scope == "users:contact"
    refused = await post(f"{server}{API}/auth/token", body, auth=("oauthlib", "wrong"))
    with pytest.raises(OAuth2Error, match="invalid_client"):
        client.parse_request_body_response(refused)


async def test_pyjwkclient_verifies_an_access_token(server: str) -> None:
    client, email = LegacyApplicationClient("any"), await register(server)
    body = client.prepare_request_body(email, PASSWORD)
    client.parse_request_body_response(await post(f"{server}{API}/auth/login", body))
    keys = jwt.PyJWKClient(f"{server}/.well-known/jwks.json")
    key = await asyncio.to_thread(keys.get_signing_key_from_jwt, client.access_token)

    def decode(audience: str) -> dict[str, Any]:
        return jwt.decode(
            client.access_token, key, algorithms=[ALGORITHM], audience=audience, issuer="parterre"
        )

    assert decode(USER_AUDIENCE)["sid"]
    with pytest.raises(jwt.InvalidAudienceError):
        decode("another")

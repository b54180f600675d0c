"""What auth-service answers is what its OpenAPI document says."""

from base64 import b64encode
from pathlib import Path

import httpx
from fastapi import FastAPI

from auth_service.clients.service import add_secret
from tests.auth.conftest import StartApp, client_of
from tests.auth.people import API, PASSWORD, People
from tests.auth.test_browser import SESSION, open_browser, with_csrf
from tests.conformance import Headers, Trial, bearer, faults_of
from tests.conftest import FreshDatabase

FOR_SERVICES = (
    f"POST {API}/auth/links",
    f"POST {API}/users/contacts",
    f"GET {API}/users/{{user_id}}/contact",
)
FOR_BROWSERS = (f"DELETE {SESSION}", f"POST {SESSION}/renew")
# They may end the session that they come with, whose ids schemathesis reads in its token.
ENDING = (
    f"PATCH {API}/users/{{user_id}}",
    f"DELETE {API}/users/{{user_id}}",
    f"DELETE {API}/users/{{user_id}}/sessions",
    f"DELETE {API}/users/{{user_id}}/sessions/{{session_id}}",
    f"DELETE {API}/users/me",
    f"DELETE {API}/users/me/sessions/{{session_id}}",
    f"POST {API}/auth/reset-password",
)


async def headers_of(app: FastAPI, client: httpx.AsyncClient) -> dict[str, Headers]:
    """Of operations that are not for a person's token."""
    people = People(client, app.state.database)
    found: dict[str, Headers] = {}
    service = await app.state.token_issuer.for_service("a-service", "auth:links users:contact")
    found |= {name: bearer(service) for name in FOR_SERVICES}
    for name in FOR_BROWSERS:
        browser = with_csrf(await open_browser(client, await people.register()))
        found[name] = browser | {"Authorization": ""}
    async with app.state.database.transaction() as session:
        secret = await add_secret(session, "a-service", ["users:contact"])
    basic = b64encode(f"a-service:{secret}".encode()).decode()
    return found | {f"POST {API}/auth/token": {"Authorization": f"Basic {basic}"}}


async def trials_of(app: FastAPI) -> list[Trial]:
    """Each operation that may end its session has one of its own."""
    async with client_of(app) as client:
        people = People(client, app.state.database)
        others = [await people.sign_in() for _ in range(3)]
        sessions = [str(s.id) for other in others for s in await people.live_sessions(other)]
        persons = [await people.superuser() for _ in range(len(ENDING) + 1)]
        more_headers = await headers_of(app, client)
    users, addresses = [str(other.id) for other in others], [other.email for other in others]
    known = {
        "path.user_id": users,
        "path.session_id": sessions,
        "body.user_id": users,
        "body.ids[*]": users,
        "body.email": addresses,
        "body.username": addresses,
        "body.password": [PASSWORD],
        "body.refresh_token": [other.refresh_token for other in others],
        "body.grant_type": ["client_credentials", "password"],
    }
    tokens = [bearer(person.access_token) for person in persons]
    return [
        Trial(tokens[0], more_headers, known, but=ENDING),
        *(
            Trial(token, {}, known, only=(name,))
            for token, name in zip(tokens[1:], ENDING, strict=True)
        ),
    ]


async def test_schemathesis_finds_nothing(
    start_app: StartApp, fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    async with start_app(database_url=await fresh_database("auth")) as app:
        faults = await faults_of(app, await trials_of(app), tmp_path)
    assert not faults, faults

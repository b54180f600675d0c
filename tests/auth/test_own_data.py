"""Everything that auth-service knows of an account, for its owner to download."""

import httpx
import pytest

from service_kit.web import downloads
from tests.auth.people import API, People, problem

URL = f"{API}/users/me/data"


async def test_the_owner_downloads_account_sessions_and_audit_trail(
    client: httpx.AsyncClient, people: People
) -> None:
    other, person = await people.sign_in(), await people.sign_in(full_name="Ann \u2028 Lee")
    person = await people.sign_in(person)
    answer = await client.get(URL, headers=person.headers)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="account.json"'
    body = answer.json()
    assert set(body) == {"account", "sessions", "audit_events"}
    assert body["account"] == (await client.get(f"{API}/users/me", headers=person.headers)).json()
    assert len(body["sessions"]) == 2
    assert [event["action"] for event in body["audit_events"]].count("sign-in.succeeded") == 2
    for secret in ("hash", other.email, str(other.id), person.refresh_token):
        assert str(secret) not in answer.text


async def test_more_than_a_page_is_complete(
    client: httpx.AsyncClient, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MAX_LIMIT", 2)
    person = await people.sign_in()
    for _ in range(4):
        person = await people.sign_in(person)
    body = (await client.get(URL, headers=person.headers)).json()
    ids = [session["id"] for session in body["sessions"]]
    assert len(ids) == len(set(ids)) == 5


async def test_nobody_else_downloads_it(client: httpx.AsyncClient) -> None:
    assert problem(await client.get(URL)) == (401, "not-authenticated")

"""Refresh tokens, sign-out, and where one is signed in."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col, select

from auth_service.models import RefreshToken, UserSession
from auth_service.sessions import service
from auth_service.sessions.service import hash_token
from auth_service.sessions.verifier import SessionVerifier
from service_kit.clock import utc_now
from service_kit.ids import new_id
from service_kit.web.tokens import Principal
from tests.auth.conftest import StartApp, client_of
from tests.auth.people import API, PASSWORD, People, Person, problem


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post(f"{API}/auth/refresh", json={"refresh_token": token})


async def me(client: httpx.AsyncClient, access_token: str) -> int:
    answer = await client.get(
        f"{API}/users/me", headers={"Authorization": f"Bearer {access_token}"}
    )
    return answer.status_code


async def test_a_refresh_token_is_changed_for_a_new_pair(
    client: httpx.AsyncClient, people: People
) -> None:
    person = await people.sign_in()
    answer = await refresh(client, person.refresh_token)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    pair = answer.json()
    assert pair["refresh_token"] != person.refresh_token
    assert await me(client, pair["access_token"]) == 200
    assert (await refresh(client, pair["refresh_token"])).status_code == 200


async def test_only_its_hash_is_stored(people: People) -> None:
    person = await people.sign_in()
    async with people.database.transaction() as session:
        found = await session.exec(
            select(RefreshToken).join(UserSession).where(UserSession.user_id == person.id)
        )
        (row,) = found.all()
    assert row.token_hash == hash_token(person.refresh_token)
    assert person.refresh_token.encode() not in row.token_hash


async def thief_is_noticed(client: httpx.AsyncClient, people: People) -> bool:
    """Uses a token twice; whether the successor and its access token die of it."""
    person = await people.sign_in()
    successor = (await refresh(client, person.refresh_token)).json()
    again = await refresh(client, person.refresh_token)
    assert problem(again) == (401, "refresh-reused")
    assert again.headers["www-authenticate"] == "Bearer"
    after = await refresh(client, successor["refresh_token"])
    return after.status_code == 401 and await me(client, successor["access_token"]) == 401


async def test_a_token_used_twice_ends_the_whole_family(
    client: httpx.AsyncClient, people: People
) -> None:
    assert await thief_is_noticed(client, people)


async def test_without_the_revocation_the_successor_would_live_on(
    client: httpx.AsyncClient, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""

    async def nothing(*_: object, **__: object) -> None:
        pass

    monkeypatch.setattr(service, "revoke_family", nothing)
    assert not await thief_is_noticed(client, people)


async def test_of_twenty_at_once_one_gets_the_successor_and_the_family_ends(
    client: httpx.AsyncClient, people: People
) -> None:
    person = await people.sign_in()
    answers = await asyncio.gather(*(refresh(client, person.refresh_token) for _ in range(20)))
    assert sorted(a.status_code for a in answers) == [200] + [401] * 19
    (winner,) = (a.json() for a in answers if a.status_code == 200)
    assert problem(await refresh(client, winner["refresh_token"])) == (401, "refresh-invalid")
    assert not await people.live_sessions(person)
    assert (await people.actions(person)).count("session.refresh-reused") == 1


@pytest.mark.parametrize("token", ["", "unknown", "x" * 200, "a\x00b", "\u20ac"])
async def test_an_unknown_token_is_invalid(client: httpx.AsyncClient, token: str) -> None:
    assert problem(await refresh(client, token)) == (401, "refresh-invalid")


async def age(people: People, person: Person, **columns: Any) -> None:
    async with people.database.transaction() as session:
        await session.execute(
            update(UserSession).where(col(UserSession.user_id) == person.id).values(**columns)
        )


@pytest.mark.parametrize("column", ["expires_at", "idle_at"])
async def test_an_ended_session_is_invalid_everywhere(
    client: httpx.AsyncClient, people: People, column: str
) -> None:
    person = await people.sign_in()
    await age(people, person, **{column: utc_now() - timedelta(seconds=1)})
    assert problem(await refresh(client, person.refresh_token)) == (401, "refresh-invalid")
    assert await me(client, person.access_token) == 401
    # A refusal spends nothing.
    await age(people, person, **{column: utc_now() + timedelta(days=1)})
    assert (await refresh(client, person.refresh_token)).status_code == 200


async def test_refreshing_does_not_move_the_absolute_end(
    client: httpx.AsyncClient, people: People
) -> None:
    person = await people.sign_in()
    (before,) = await people.live_sessions(person)
    assert before.expires_at - before.created_at == timedelta(days=90)
    soon = utc_now() + timedelta(hours=1)
    await age(people, person, expires_at=soon)
    await refresh(client, person.refresh_token)
    (after,) = await people.live_sessions(person)
    assert after.expires_at == soon and after.idle_at == soon


async def test_a_deactivated_account_ends_at_once(
    client: httpx.AsyncClient, people: People
) -> None:
    person = await people.sign_in()
    await people.change(person, is_active=False)
    assert await me(client, person.access_token) == 401
    assert problem(await refresh(client, person.refresh_token)) == (401, "refresh-invalid")


async def logout_ends_something(client: httpx.AsyncClient, people: People) -> bool:
    person = await people.sign_in()
    body = {"refresh_token": person.refresh_token}
    answer = await client.post(f"{API}/auth/logout", json=body)
    assert answer.status_code == 204
    # Once more is no mistake.
    assert (await client.post(f"{API}/auth/logout", json=body)).status_code == 204
    assert problem(await refresh(client, person.refresh_token)) == (401, "refresh-invalid")
    return await me(client, person.access_token) == 401


async def test_logout_ends_refresh_and_access_token_at_once(
    client: httpx.AsyncClient, people: People
) -> None:
    assert await logout_ends_something(client, people)


async def test_without_the_look_at_the_session_the_access_token_would_live_on(
    client: httpx.AsyncClient, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""

    async def as_signed(self: SessionVerifier, principal: Principal) -> Principal:
        return principal

    monkeypatch.setattr(SessionVerifier, "_with_current_account", as_signed)
    assert not await logout_ends_something(client, people)


async def test_logout_with_an_unknown_token_says_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{API}/auth/logout", json={"refresh_token": "unknown"})
    assert answer.status_code == 204


async def test_a_session_ends_by_a_spent_token_too(
    client: httpx.AsyncClient, people: People
) -> None:
    person = await people.sign_in()
    successor = (await refresh(client, person.refresh_token)).json()["refresh_token"]
    await client.post(f"{API}/auth/logout", json={"refresh_token": person.refresh_token})
    assert problem(await refresh(client, successor)) == (401, "refresh-invalid")


async def list_sessions(client: httpx.AsyncClient, person: Person, query: str = "") -> Any:
    answer = await client.get(f"{API}/users/me/sessions{query}", headers=person.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_list_shows_where_one_is_signed_in(
    client: httpx.AsyncClient, people: People
) -> None:
    person = await people.sign_in()
    await people.try_password(
        person.email, PASSWORD, headers={"User-Agent": "Phone \x7f1.0" + "x" * 500}
    )
    listed = await list_sessions(client, person)
    assert [item["is_current"] for item in listed["items"]] == [False, True]
    assert listed["items"][0]["user_agent"].startswith("Phone 1.0xx")
    assert listed["items"][0]["address"] == "127.0.0.1"
    assert listed["items"][0]["kind"] == "token"
    first = await list_sessions(client, person, "?limit=1")
    second = await list_sessions(client, person, f"?limit=1&cursor={first['next_cursor']}")
    assert first["items"] + second["items"] == listed["items"]
    assert second["next_cursor"] is None


async def test_ending_another_session_of_ones_own(
    client: httpx.AsyncClient, people: People
) -> None:
    person = await people.sign_in()
    elsewhere = await people.sign_in(person)
    current = [s for s in (await list_sessions(client, elsewhere))["items"] if s["is_current"]]
    url = f"{API}/users/me/sessions/{current[0]['id']}"
    assert (await client.delete(url, headers=person.headers)).status_code == 204
    assert await me(client, elsewhere.access_token) == 401
    assert await me(client, person.access_token) == 200
    assert (await client.delete(url, headers=person.headers)).status_code == 204
    assert len((await list_sessions(client, person))["items"]) == 1


async def test_anothers_session_is_not_to_be_seen(
    client: httpx.AsyncClient, people: People
) -> None:
    person, stranger = await people.sign_in(), await people.sign_in()
    (session,) = await people.live_sessions(person)
    url = f"{API}/users/me/sessions"
    theirs = await client.delete(f"{url}/{session.id}", headers=stranger.headers)
    nobodys = await client.delete(f"{url}/{new_id()}", headers=stranger.headers)
    assert problem(theirs) == problem(nobodys) == (404, "not-found")
    assert theirs.json()["detail"] == nobodys.json()["detail"]
    assert await people.live_sessions(person)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=1000000000", "limit=x", "cursor=x", "cursor=WzFd", "cursor=%00",
     "cursor=W251bGxd", "cursor=" + "A" * 600],
)  # fmt: skip
async def test_a_forged_page_is_refused(
    client: httpx.AsyncClient, people: People, query: str
) -> None:
    person = await people.sign_in()
    answer = await client.get(f"{API}/users/me/sessions?{query}", headers=person.headers)
    assert problem(answer) == (422, "invalid-request")


async def test_sessions_are_seen_by_every_process_at_once(
    start_app: StartApp, client: httpx.AsyncClient, people: People
) -> None:
    person = await people.sign_in()
    async with start_app() as other_process, client_of(other_process) as other:
        assert await me(other, person.access_token) == 200
        await client.post(f"{API}/auth/logout", json={"refresh_token": person.refresh_token})
        assert await me(other, person.access_token) == 401


async def test_a_refresh_that_is_not_json_says_where(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.post(f"{API}/auth/refresh", content='{"a": 1', headers=headers)
    assert problem(answer) == (422, "invalid-request")
    assert answer.json()["detail"] == (
        "body: The body is not JSON: expecting ',' delimiter at character 8."
    )

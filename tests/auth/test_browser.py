"""Signing in with a browser: cookies, CSRF, and pages of other people."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI
from sqlalchemy import update
from sqlmodel import col

from auth_service.models import UserSession
from auth_service.sessions import cookies as browser_cookies
from service_kit.clock import utc_now
from service_kit.web import auth as admission
from tests.auth.conftest import StartApp, client_of
from tests.auth.people import API, PASSWORD, People, Person, problem

SESSION = f"{API}/auth/session"
COOKIE = "__Host-parterre_session"


async def open_browser(client: httpx.AsyncClient, person: Person) -> Person:
    answer = await client.post(SESSION, data={"username": person.email, "password": PASSWORD})
    assert answer.status_code == 204, answer.text
    person.cookies = {name: value for name, (value, _) in cookies_of(answer).items()}
    client.cookies.clear()
    return person


def cookies_of(answer: httpx.Response) -> dict[str, tuple[str, dict[str, Any]]]:
    found = {}
    for line in answer.headers.get_list("set-cookie"):
        for name, morsel in SimpleCookie(line).items():
            found[name] = (morsel.value, dict(morsel))
    return found


def sent(person: Person, **headers: str) -> dict[str, str]:
    cookie = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    return {"Cookie": cookie, **{name.replace("_", "-"): v for name, v in headers.items()}}


def with_csrf(person: Person, **headers: str) -> dict[str, str]:
    return sent(person, X_CSRF_Token=person.cookies["csrf_token"], **headers)


@pytest.fixture
async def person(client: httpx.AsyncClient, people: People) -> Person:
    return await open_browser(client, await people.register())


@pytest.fixture
async def stranger(client: httpx.AsyncClient, people: People) -> Person:
    return await open_browser(client, await people.register())


async def rename(client: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    return await client.patch(f"{API}/users/me", json={"full_name": "New"}, headers=headers)


async def test_sets_two_cookies_of_which_scripts_can_read_one(
    client: httpx.AsyncClient, people: People
) -> None:
    who = await people.register()
    answer = await client.post(SESSION, data={"username": who.email, "password": PASSWORD})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["cache-control"] == "no-store"
    cookies = cookies_of(answer)
    assert set(cookies) == {COOKIE, "csrf_token"}
    for name, (_, attributes) in cookies.items():
        assert attributes["secure"] and attributes["path"] == "/"
        assert attributes["samesite"].lower() == "lax"
        assert not attributes["domain"] and attributes["expires"]
        assert bool(attributes["httponly"]) == (name == COOKIE)
    (session,) = await people.live_sessions(who)
    assert session.kind == "browser"


async def test_in_development_there_is_no_tls_to_ask_for(
    start_app: StartApp, people: People
) -> None:
    who = await people.register()
    async with start_app(environment="development") as app, client_of(app) as client:
        answer = await client.post(SESSION, data={"username": who.email, "password": PASSWORD})
    cookies = cookies_of(answer)
    assert set(cookies) == {"parterre_session", "csrf_token"}
    assert not any(attributes["secure"] for _, attributes in cookies.values())


async def test_a_wrong_password_is_answered_as_at_login(client: httpx.AsyncClient) -> None:
    answer = await client.post(SESSION, data={"username": "a@example.com", "password": "x"})
    assert problem(answer) == (400, "bad-credentials")
    assert "set-cookie" not in answer.headers


async def test_the_cookie_says_who_reads(client: httpx.AsyncClient, person: Person) -> None:
    answer = await client.get(f"{API}/users/me", headers=sent(person))
    assert answer.json()["email"] == person.email


async def test_writing_asks_for_this_sessions_csrf_token(
    client: httpx.AsyncClient, person: Person, stranger: Person
) -> None:
    assert (await rename(client, with_csrf(person))).status_code == 200
    for headers in (
        sent(person),
        sent(person, X_CSRF_Token=""),
        sent(person, X_CSRF_Token=stranger.cookies["csrf_token"]),
        sent(person, X_CSRF_Token=person.cookies["csrf_token"] + "x"),
    ):
        assert problem(await rename(client, headers)) == (403, "csrf-failed")


async def test_a_csrf_cookie_of_ones_own_making_does_not_help(
    client: httpx.AsyncClient, person: Person
) -> None:
    """What a neighbouring subdomain could set: plain double submit would take it."""
    person.cookies["csrf_token"] = "planted"
    assert problem(await rename(client, with_csrf(person))) == (403, "csrf-failed")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://localhost.evil.example"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Origin": "https://localhost"}, 200),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({}, 200),
    ],
)
async def test_a_foreign_page_is_refused_even_with_the_token(
    client: httpx.AsyncClient, person: Person, headers: dict[str, str], status: int
) -> None:
    assert (await rename(client, with_csrf(person, **headers))).status_code == status


async def test_without_the_check_a_foreign_page_could_write(
    client: httpx.AsyncClient, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the tests above."""
    monkeypatch.setattr(admission, "check_csrf", lambda *_: None)
    assert (await rename(client, sent(person, Origin="https://evil.example"))).status_code == 200


async def test_a_bearer_token_needs_no_csrf_token(
    client: httpx.AsyncClient, people: People, person: Person
) -> None:
    """No browser sends it by itself. Where both come, the bearer token counts."""
    signed_in = await people.sign_in()
    headers = {**sent(person), **signed_in.headers}
    answer = await rename(client, headers)
    assert answer.json()["id"] == str(signed_in.id)


async def test_another_page_cannot_sign_somebody_in(
    client: httpx.AsyncClient, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = await people.register()
    form = {"username": who.email, "password": PASSWORD}
    evil = {"Origin": "https://evil.example"}
    answer = await client.post(SESSION, data=form, headers=evil)
    assert problem(answer) == (403, "csrf-failed")
    assert "set-cookie" not in answer.headers
    # The control
    monkeypatch.setattr(browser_cookies, "refuse_foreign_page", lambda *_: None)
    assert (await client.post(SESSION, data=form, headers=evil)).status_code == 204


async def test_signing_out_clears_the_cookies_and_ends_the_session(
    client: httpx.AsyncClient, people: People, person: Person
) -> None:
    assert problem(await client.delete(SESSION, headers=sent(person))) == (403, "csrf-failed")
    answer = await client.delete(SESSION, headers=with_csrf(person))
    assert answer.status_code == 204
    cleared = cookies_of(answer)
    assert {name: value for name, (value, _) in cleared.items()} == {COOKIE: "", "csrf_token": ""}
    assert all(attributes["max-age"] == "0" for _, attributes in cleared.values())
    # Browsers take a __Host- cookie only as secure, to clear it as well.
    assert cleared[COOKIE][1]["secure"] and cleared[COOKIE][1]["path"] == "/"
    assert problem(await client.get(f"{API}/users/me", headers=sent(person)))[0] == 401
    assert not await people.live_sessions(person)


async def test_without_a_session_there_is_nothing_to_sign_out_of(
    client: httpx.AsyncClient,
) -> None:
    assert problem(await client.delete(SESSION)) == (401, "not-authenticated")


async def ended(app: FastAPI, person: Person, **claims: Any) -> Person:
    """The same cookies, with a token that has ended."""
    key = await app.state.key_ring.signing_key()
    old = jwt.decode(person.cookies[COOKIE], options={"verify_signature": False})
    past = int(time.time()) - 7200
    token = jwt.encode(
        {**old, "iat": past - 600, "exp": past, **claims},
        key.private_key,
        "EdDSA",
        headers={"kid": key.kid},
    )
    return Person(person.id, person.email, cookies={**person.cookies, COOKIE: token})


async def test_a_page_renews_its_session_with_an_ended_token(
    auth_app: FastAPI, client: httpx.AsyncClient, person: Person
) -> None:
    asleep = await ended(auth_app, person)
    assert problem(await client.get(f"{API}/users/me", headers=sent(asleep)))[0] == 401
    answer = await client.post(f"{SESSION}/renew", headers=with_csrf(asleep))
    assert answer.status_code == 204
    asleep.cookies[COOKIE] = cookies_of(answer)[COOKIE][0]
    # The CSRF token that the page holds goes on being good.
    assert (await rename(client, with_csrf(asleep))).status_code == 200


async def test_renewing_asks_for_csrf_and_for_a_live_session(
    auth_app: FastAPI, client: httpx.AsyncClient, people: People, person: Person, stranger: Person
) -> None:
    url = f"{SESSION}/renew"
    for who in (person, await ended(auth_app, person)):
        assert problem(await client.post(url, headers=sent(who))) == (403, "csrf-failed")
        forged = sent(who, X_CSRF_Token=stranger.cookies["csrf_token"])
        assert problem(await client.post(url, headers=forged)) == (403, "csrf-failed")
        evil = with_csrf(who, Origin="https://evil.example")
        assert problem(await client.post(url, headers=evil)) == (403, "csrf-failed")
    assert problem(await client.post(url)) == (401, "not-authenticated")
    async with people.database.transaction() as session:
        await session.execute(
            update(UserSession)
            .where(col(UserSession.user_id) == person.id)
            .values(expires_at=utc_now() - timedelta(seconds=1))
        )
    assert problem(await client.post(url, headers=with_csrf(person)))[0] == 401


async def test_a_token_that_is_not_ours_is_not_renewed(
    auth_app: FastAPI, client: httpx.AsyncClient, person: Person
) -> None:
    foreign = await ended(auth_app, person, aud="parterre-services")
    assert problem(await client.post(f"{SESSION}/renew", headers=with_csrf(foreign)))[0] == 401
    person.cookies[COOKIE] = person.cookies[COOKIE][:-4] + "AAAA"
    assert problem(await client.post(f"{SESSION}/renew", headers=with_csrf(person)))[0] == 401


@pytest.fixture
async def with_cors(start_app: StartApp) -> AsyncIterator[httpx.AsyncClient]:
    async with start_app(cors_origins="https://page.example") as app, client_of(app) as found:
        yield found


@pytest.mark.parametrize(
    ("origin", "is_ours"), [("https://page.example", True), ("https://evil.example", False)]
)
async def test_only_pages_of_the_setting_may_read_answers(
    with_cors: httpx.AsyncClient, origin: str, is_ours: bool
) -> None:
    preflight = await with_cors.options(
        f"{API}/users/me",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "X-CSRF-Token",
        },
    )
    answer = await with_cors.get(f"{API}/users/me", headers={"Origin": origin})
    for found in (preflight, answer):
        allowed = found.headers.get("access-control-allow-origin")
        assert allowed == (origin if is_ours else None)
        assert "Origin" in found.headers["vary"]
    if is_ours:
        assert preflight.headers["access-control-allow-credentials"] == "true"


async def test_a_page_of_the_setting_may_write(
    with_cors: httpx.AsyncClient, people: People
) -> None:
    person = await open_browser(with_cors, await people.register())
    headers = with_csrf(person, Origin="https://page.example")
    assert (await rename(with_cors, headers)).status_code == 200

"""Which tokens are believed, here and by the services that fetch the keys."""

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from auth_service.keys.ring import LoadedKey
from auth_service.mails.links import reset_link
from service_kit.clock import utc_now
from service_kit.web.tokens import InvalidToken, KeySet, TokenVerifier, fetch_keys_from
from tests.auth.conftest import MakeSettings
from tests.auth.people import API, People, Person, problem

Json = dict[str, Any]


@pytest.fixture
async def person(people: People) -> Person:
    return await people.sign_in()


@pytest.fixture
async def key(auth_app: FastAPI) -> LoadedKey:
    found: LoadedKey = await auth_app.state.key_ring.signing_key()
    return found


@pytest.fixture
async def elsewhere(client: httpx.AsyncClient) -> TokenVerifier:
    """What event-service and notification-service check tokens with."""
    return TokenVerifier(
        KeySet(fetch_keys_from("https://localhost", client)), issuer="parterre", leeway_seconds=30
    )


def claims_of(person: Person, **changes: Any) -> Json:
    found: Json = jwt.decode(person.access_token, options={"verify_signature": False})
    found.update(changes)
    return {name: value for name, value in found.items() if value is not None}


def sign(claims: Json, key: LoadedKey, **header: Any) -> str:
    return jwt.encode(claims, key.private_key, "EdDSA", headers={"kid": key.kid, **header})


def unsigned(claims: Json, key: LoadedKey) -> str:
    return jwt.encode(claims, "", "none", headers={"kid": key.kid})


def hmac_with_the_public_key(claims: Json, key: LoadedKey) -> str:
    raw = key.private_key.public_key().public_bytes_raw()

    def part(value: Json) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    signed = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': key.kid})}.{part(claims)}"
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        signed.encode(), raw
    )
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def foreign(claims: Json, key: LoadedKey) -> str:
    return jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA", headers={"kid": key.kid})


def changed(**changes: Any) -> Callable[[Json, LoadedKey], str]:
    def make(claims: Json, key: LoadedKey) -> str:
        merged = {**claims, **changes}
        return sign({k: v for k, v in merged.items() if v is not None}, key)

    return make


def with_header(**header: Any) -> Callable[[Json, LoadedKey], str]:
    def make(claims: Json, key: LoadedKey) -> str:
        thief = Ed25519PrivateKey.generate()
        jwk = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(thief.public_key()))
        filled = {k: (jwk if v == "jwk" else v) for k, v in header.items()}
        return jwt.encode(claims, thief, "EdDSA", headers={"kid": key.kid, **filled})

    return make


NOW = int(time.time())
FORGERIES: dict[str, Callable[[Json, LoadedKey], str]] = {
    "unsigned": unsigned,
    "hmac with the public key": hmac_with_the_public_key,
    "foreign key": foreign,
    "expired": changed(exp=NOW - 3600, iat=NOW - 7200),
    "never expires": changed(exp=None),
    "not yet valid": changed(nbf=NOW + 3600),
    "no iat": changed(iat=None),
    "a life of ten years": changed(exp=NOW + 315_360_000),
    "a life beyond the configured one": changed(iat=NOW - 700, exp=NOW + 500),
    "no jti": changed(jti=None),
    "no subject": changed(sub=None),
    "foreign audience": changed(aud="somebody-else"),
    "no audience": changed(aud=None),
    "foreign issuer": changed(iss="https://evil.example"),
    "subject is no id": changed(sub="admin"),
    "jku": with_header(jku="http://127.0.0.1:9/jwks.json"),
    "x5u": with_header(x5u="http://127.0.0.1:9/cert.pem"),
    "jwk": with_header(jwk="jwk"),
    "unknown key": with_header(kid="unknown"),
    "kid is a path": with_header(kid="../../../dev/null"),
}


async def here(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.get(f"{API}/users/me", headers={"Authorization": f"Bearer {token}"})


async def is_believed(verifier: TokenVerifier, token: str) -> bool:
    try:
        await verifier.verify(token)
    except InvalidToken:
        return False
    return True


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_is_refused_here_and_elsewhere(
    client: httpx.AsyncClient,
    person: Person,
    key: LoadedKey,
    elsewhere: TokenVerifier,
    name: str,
) -> None:
    token = FORGERIES[name](claims_of(person), key)
    answer = await here(client, token)
    assert problem(answer) == (401, "not-authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert not await is_believed(elsewhere, token)


async def test_what_is_signed_so_is_otherwise_believed(
    client: httpx.AsyncClient, person: Person, key: LoadedKey, elsewhere: TokenVerifier
) -> None:
    """The control of the test above: the forgeries differ from this one in one thing each."""
    token = sign(claims_of(person), key)
    assert (await here(client, token)).status_code == 200
    assert await is_believed(elsewhere, token)


@pytest.mark.parametrize("claim", ["exp", "iss"])
async def test_without_its_check_the_claim_could_be_anything(
    person: Person, key: LoadedKey, elsewhere: TokenVerifier, claim: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Another control: each check is the one that refuses."""
    decode = jwt.decode

    def lax(*arguments: Any, **options: Any) -> Any:
        options["options"] = {**options["options"], f"verify_{claim}": False}
        return decode(*arguments, **options)

    monkeypatch.setattr(jwt, "decode", lax)
    wrong: Json = {"exp": NOW - 3600, "iss": "https://evil.example"}
    assert await is_believed(elsewhere, sign(claims_of(person, **{claim: wrong[claim]}), key))


async def test_no_token_of_another_purpose_is_an_access_token(
    client: httpx.AsyncClient, people: People, person: Person, auth_settings: MakeSettings
) -> None:
    secret = auth_settings().reset_password_token_secret
    link = reset_link(
        await people.row(person), secret=secret, lifetime=timedelta(hours=1), now=utc_now()
    )
    for token in (person.refresh_token, link.token, "", "x", "a.b.c", "\x00".join("ab")):
        assert problem(await here(client, token)) == (401, "not-authenticated")


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Token abc", "bearer x y z", "Basic eDp5", "Negotiate " + "A" * 4000],
)
async def test_other_authorization_headers_are_no_sign_in(
    client: httpx.AsyncClient, header: str
) -> None:
    answer = await client.get(f"{API}/users/me", headers={"Authorization": header})
    assert problem(answer) == (401, "not-authenticated")


async def test_clocks_may_differ_by_thirty_seconds(
    client: httpx.AsyncClient, person: Person, key: LoadedKey, elsewhere: TokenVerifier
) -> None:
    for seconds, believed in ((25, True), (40, False)):
        now = int(time.time())
        ended = sign(claims_of(person, exp=now - seconds), key)
        early = sign(claims_of(person, iat=now + seconds), key)
        for token in (ended, early):
            assert await is_believed(elsewhere, token) is believed, seconds
            assert ((await here(client, token)).status_code == 200) is believed, seconds


async def test_a_token_says_what_others_need_to_know(
    client: httpx.AsyncClient, people: People, person: Person, elsewhere: TokenVerifier
) -> None:
    claims = claims_of(person)
    assert claims["exp"] - claims["iat"] == 600
    assert UUID(claims["jti"]) and UUID(claims["sid"])
    assert "csrf" not in claims
    header = jwt.get_unverified_header(person.access_token)
    assert header["alg"] == "EdDSA" and header["kid"]
    admin = await people.sign_in(is_superuser=True, is_verified=True)
    for who, expected in ((person, False), (admin, True)):
        principal = await elsewhere.verify(who.access_token)
        assert (principal.user_id, principal.is_superuser) == (who.id, expected)
        assert principal.is_verified is expected
        assert principal.expires_at == claims_of(who)["exp"]
        assert principal.name is None
    named = await people.sign_in(await people.register(full_name="Ann Lee"))
    assert (await elsewhere.verify(named.access_token)).name == "Ann Lee"


async def test_here_rights_are_those_of_now_and_not_of_the_token(
    client: httpx.AsyncClient, people: People
) -> None:
    admin = await people.superuser()
    url = f"{API}/users"
    assert (await client.get(url, headers=admin.headers)).status_code == 200
    await people.change(admin, is_superuser=False)
    assert problem(await client.get(url, headers=admin.headers)) == (403, "forbidden")


async def test_a_session_of_somebody_else_in_the_token_is_refused(
    client: httpx.AsyncClient, people: People, person: Person, key: LoadedKey
) -> None:
    other = await people.sign_in()
    mixed = sign(claims_of(person, sid=claims_of(other)["sid"]), key)
    for token in (
        mixed,
        sign(claims_of(person, sid=None), key),
        sign(claims_of(person, sid=7), key),
    ):
        assert problem(await here(client, token)) == (401, "not-authenticated")


@pytest.fixture
async def no_requests(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    asked: list[str] = []

    async def refuse(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        raise AssertionError(request.url)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", refuse)
    yield asked


async def test_a_token_makes_nobody_fetch_anything(
    client: httpx.AsyncClient, person: Person, key: LoadedKey, no_requests: list[str]
) -> None:
    for name in ("jku", "x5u", "jwk", "unknown key"):
        await here(client, FORGERIES[name](claims_of(person), key))
    assert no_requests == []

"""Who comes in: tokens that are none, cookies without proof, limits that cannot be walked around."""

import base64
import hashlib
import hmac
import json
import time
from contextlib import nullcontext
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import Depends

from service_kit.web.auth import Router, csrf_claim
from service_kit.web.tokens import SERVICE_AUDIENCE
from tests.kit.conftest import (
    KEY,
    MakeSettings,
    bearer,
    claims,
    client_of,
    problem,
    serving,
    sign,
)

BODY = {"name": "a thing"}


def public_pem() -> bytes:
    return KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def hmac_signed_with_the_public_key() -> str:
    """pyjwt refuses to make one, as it should; attackers use other tools."""

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    unsigned = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': 'k'})}.{part(claims())}"
    digest = hmac.new(public_pem(), unsigned.encode(), hashlib.sha256).digest()
    return f"{unsigned}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def without(name: str) -> dict[str, Any]:
    document = claims()
    del document[name]
    return document


FORGED = {
    "unsigned": sign(claims()).rpartition(".")[0] + ".",
    "alg=none": jwt.encode(claims(), "", algorithm="none", headers={"kid": "k"}),
    "HS256 with the public key": hmac_signed_with_the_public_key(),
    "expired": sign(claims(exp=int(time.time()) - 31)),
    "not yet valid": sign(claims(nbf=int(time.time()) + 86_400)),
    "another audience": sign(claims(aud="somebody-else")),
    "another issuer": sign(claims(iss="somebody-else")),
    "a foreign key": jwt.encode(
        claims(), Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": "k"}
    ),
    "an unknown key": sign(claims(), kid="other"),
    "no key": jwt.encode(claims(), KEY, algorithm="EdDSA"),
    "a life of ten years": sign(claims(exp=int(time.time()) + 315_360_000)),
    "a life of a second too much": sign(claims(exp=int(time.time()) + 601)),
    "issued long before": sign(claims(iat=int(time.time()) - 601)),
    "a life that is no number": sign(claims(iat="1")),
    "no exp": sign(without("exp")),
    "no jti": sign(without("jti")),
    "no person": sign(claims(sub="root")),
    "not a token": "x",
    "nothing": "",
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED.keys())
async def test_a_token_that_is_none_of_ours_is_refused(
    client: httpx.AsyncClient, token: str
) -> None:
    refused = await client.post("/things", json=BODY, headers={"Authorization": f"Bearer {token}"})
    assert problem(refused) == (401, "not-authenticated")
    assert refused.headers["www-authenticate"] == "Bearer"


async def test_a_good_token_is_taken_also_from_a_clock_30_seconds_off(
    client: httpx.AsyncClient,
) -> None:
    now = int(time.time())
    for changes in ({}, {"iat": now + 25, "nbf": now + 25}, {"exp": now - 25}):
        answer = await client.post("/things", json=BODY, headers=bearer(**changes))
        assert answer.status_code == 201, answer.text


async def test_headers_of_a_token_that_name_keys_are_ignored(client: httpx.AsyncClient) -> None:
    other = Ed25519PrivateKey.generate()
    own_key = jwt.algorithms.OKPAlgorithm.to_jwk(other.public_key(), as_dict=True)
    token = jwt.encode(
        claims(),
        other,
        algorithm="EdDSA",
        headers={"kid": "k", "jwk": own_key, "jku": "http://127.0.0.1:1/keys"},
    )
    refused = await client.post("/things", json=BODY, headers={"Authorization": f"Bearer {token}"})
    assert problem(refused) == (401, "not-authenticated")


@pytest.mark.parametrize("body", [b"{", b"[]", b"", b'{"name": 5}', b"\xff\xfe"])
async def test_who_you_are_is_judged_before_what_you_sent(
    client: httpx.AsyncClient, body: bytes
) -> None:
    assert problem(await client.post("/things", content=body)) == (401, "not-authenticated")
    known = await client.post("/things", content=body, headers=bearer())
    assert problem(known) == (422, "invalid-request")


async def test_users_and_services_have_tokens_of_their_own_kind(client: httpx.AsyncClient) -> None:
    service = bearer(aud=SERVICE_AUDIENCE, sub="a-service", scope="things:make")
    other = bearer(aud=SERVICE_AUDIENCE, sub="a-service", scope="things:look")
    assert (await client.post("/service", headers=service)).status_code == 200
    assert problem(await client.post("/service", headers=other)) == (403, "forbidden")
    assert problem(await client.post("/service", headers=bearer())) == (403, "forbidden")
    assert problem(await client.post("/things", json=BODY, headers=service)) == (403, "forbidden")
    assert problem(await client.get("/superuser", headers=bearer())) == (403, "forbidden")
    assert (await client.get("/superuser", headers=bearer(superuser=True))).status_code == 200


async def test_an_open_page_is_open_but_not_to_a_broken_token(client: httpx.AsyncClient) -> None:
    assert (await client.get("/open")).json() == {"user": None}
    refused = await client.get("/open", headers={"Authorization": "Bearer x"})
    assert problem(refused) == (401, "not-authenticated")


def cookie(csrf: str) -> dict[str, str]:
    return {"Cookie": f"parterre_session={sign(claims(csrf=csrf_claim(csrf)))}"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 403),
        ({"X-CSRF-Token": ""}, 403),
        ({"X-CSRF-Token": "token-of-another-session"}, 403),
        ({"X-CSRF-Token": "mine"}, 201),
        ({"X-CSRF-Token": "mine", "Origin": "http://localhost"}, 201),
        ({"X-CSRF-Token": "mine", "Origin": "https://evil.example"}, 403),
        ({"X-CSRF-Token": "mine", "Origin": "null"}, 403),
        ({"X-CSRF-Token": "mine", "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_a_cookie_alone_changes_nothing(
    client: httpx.AsyncClient, headers: dict[str, str], expected: int
) -> None:
    answer = await client.post("/things", json=BODY, headers=cookie("mine") | headers)
    assert answer.status_code == expected
    if expected == 403:
        assert problem(answer) == (403, "csrf-failed")
    assert (await client.get("/open", headers=cookie("mine"))).status_code == 200


async def test_a_limit_counts_an_endpoint_whatever_the_id_and_says_when_to_come_again(
    make_settings: MakeSettings,
) -> None:
    async with serving(make_settings(rate_limit_enabled=True)) as app, client_of(app) as client:
        remaining = []
        for number in range(3):
            answer = await client.get(f"/mine/{number}/narrow", headers=bearer())
            assert answer.status_code == 200
            remaining.append(int(answer.headers["x-ratelimit-remaining"]))
        refused = await client.get("/mine/4/narrow", headers=bearer())
        other = await client.get(
            "/mine/4/narrow", headers=bearer(sub="0198c0de-0000-7000-8000-00000000000b")
        )
    assert remaining == [2, 1, 0]
    assert problem(refused) == (429, "rate-limited")
    assert refused.headers["x-ratelimit-limit"] == "3"
    assert 0 < int(refused.headers["retry-after"]) <= 61
    assert other.status_code == 200


@pytest.mark.parametrize("trusted", [(), ("10.0.0.0/8",)])
async def test_an_address_counts_as_trusted_proxies_saw_it(
    make_settings: MakeSettings, trusted: tuple[str, ...]
) -> None:
    settings = make_settings(rate_limit_enabled=True, trusted_proxies=trusted)
    proxy = "10.0.0.1" if trusted else "203.0.113.7"
    statuses = []
    async with serving(settings) as app, client_of(app, client=(proxy, 5000)) as client:
        for number in range(5):
            # Left of what the proxy wrote stands what the client made up.
            forwarded = f"198.51.100.{number}, 203.0.113.9"
            headers = {"X-Forwarded-For": forwarded, "X_Forwarded_For": forwarded}
            statuses.append((await client.get("/things/1/narrow", headers=headers)).status_code)
    assert statuses == [200, 200, 200, 429, 429]


async def test_malformed_requests_are_limited_too(make_settings: MakeSettings) -> None:
    settings = make_settings(rate_limit_enabled=True, default_rate_limit="2/minute")
    async with serving(settings) as app, client_of(app) as client:
        answers = [await client.post("/things", content=b"{") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]


@pytest.mark.parametrize("is_async", [True, False])
def test_a_dependency_that_needs_a_thread_is_refused_at_once(is_async: bool) -> None:
    async def without_thread() -> str:
        return ""

    def with_thread() -> str:
        return ""

    async def endpoint() -> None:
        """Does nothing."""

    dependency = Depends(without_thread if is_async else with_thread)
    with nullcontext() if is_async else pytest.raises(TypeError, match="with_thread"):
        Router().add_api_route("/", endpoint, dependencies=[dependency])


async def test_a_route_that_needs_no_sign_in_counts_addresses_whatever_token_comes_along(
    make_settings: MakeSettings,
) -> None:
    tokens = [bearer(sub=f"0198c0de-0000-7000-8000-00000000000{n}") for n in range(5)]
    async with serving(make_settings(rate_limit_enabled=True)) as app, client_of(app) as client:
        open_to_all = [await client.get("/things/1/narrow", headers=token) for token in tokens]
        # The control: where a sign-in is needed, each has a count of their own.
        own = [await client.get("/mine/1/narrow", headers=token) for token in tokens]
    assert [answer.status_code for answer in open_to_all] == [200] * 3 + [429] * 2
    assert [answer.status_code for answer in own] == [200] * 5


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:ffff::3", "2001:db8:0:1::4"], 429),
        (["2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1", "2001:db8:0:4::1"], 200),
        (["::ffff:10.7.0.1", "10.7.0.1", "::ffff:a07:1", "10.7.0.1"], 429),
        (["fe80::1%eth0", "fe80::2%eth0", "fe80::3", "fe80::4%lo"], 429),
    ],
)
async def test_an_address_is_what_one_client_has_for_itself(
    make_settings: MakeSettings, hosts: list[str], expected: int
) -> None:
    async with serving(make_settings(rate_limit_enabled=True)) as app:
        for host in hosts:
            async with client_of(app, client=(host, 5000)) as client:
                answer = await client.get("/things/1/narrow")
    assert answer.status_code == expected


async def test_an_answer_to_somebody_is_kept_by_no_cache_unless_all_see_the_same(
    client: httpx.AsyncClient,
) -> None:
    kept = {}
    for path in ("/open", "/unmarked", "/shared", "/mine/1/narrow", "/superuser", "/nowhere"):
        for name, headers in (("stranger", {}), ("user", bearer()), ("cookie", cookie("mine"))):
            answer = await client.get(path, headers=headers)
            kept[path, name] = answer.headers.get("cache-control")
    for name in ("user", "cookie"):
        for path in ("/open", "/unmarked", "/mine/1/narrow", "/superuser", "/nowhere"):
            assert kept[path, name] == "no-store", (path, name)
        assert kept["/shared", name] == "no-cache"
    assert kept["/unmarked", "stranger"] == "no-cache"
    assert kept["/mine/1/narrow", "stranger"] == "no-store"


@pytest.mark.parametrize(
    "value", ["\\1", "\\\\", '\\"', "\\012"], ids=["octal", "backslash", "quote", "line end"]
)
async def test_no_cookie_takes_long(client: httpx.AsyncClient, value: str) -> None:
    """``http.cookies`` needs 45 s of processor time for one of them on Python 3.11."""
    quoted = 'x="' + value * (8_000 // len(value)) + '"'
    headers = [("Cookie", quoted)] * 7
    started = time.thread_time()
    answer = await client.get("/open", headers=headers)
    assert answer.status_code == 200
    assert time.thread_time() - started < 0.1
    longer = await client.get("/open", headers={"Cookie": quoted * 7})
    assert problem(longer) == (422, "invalid-request")
    assert time.thread_time() - started < 0.2

"""Keys that the issuer has withdrawn, and an issuer that is away."""

import asyncio
import json
import time
from types import SimpleNamespace
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service_kit.web import tokens
from service_kit.web.tokens import InvalidToken, KeySet, KeysUnavailable, Person, TokenVerifier
from tests.kit.conftest import claims


class Issuer:
    """auth-service's keys, a clock that the test moves, and an outage when it wants one."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.is_away = self.is_frozen = False
        self.asked = 0
        self.rotate()

    def rotate(self) -> None:
        """``keys rotate --compromised``: all older keys are gone."""
        self.key, self.kid = Ed25519PrivateKey.generate(), f"k{self.asked}-{id(self)}"

    def sign(self, **changes: Any) -> str:
        return jwt.encode(claims(**changes), self.key, "EdDSA", headers={"kid": self.kid})

    async def fetch(self) -> dict[str, Any]:
        self.asked += 1
        if self.is_away:
            raise httpx.ConnectError("refused")
        if self.is_frozen:
            await asyncio.sleep(3600)
        public = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [public | {"kid": self.kid}]}

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Issuer:
    found = Issuer()
    clock = SimpleNamespace(monotonic=found.monotonic, time=time.time)
    monkeypatch.setattr(tokens, "time", clock)
    return found


@pytest.fixture
def verifier(issuer: Issuer) -> TokenVerifier:
    return TokenVerifier(KeySet(issuer.fetch), issuer="parterre", leeway_seconds=30)


async def believes(verifier: TokenVerifier, token: str) -> bool:
    try:
        await verifier.verify(token)
    except InvalidToken:
        return False
    return True


async def settle() -> None:
    """Lets a refresh in the background end."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("busy", [True, False], ids=["used all the time", "not used meanwhile"])
async def test_a_withdrawn_key_is_refused_within_30_s_also_where_its_token_was_verified_before(
    issuer: Issuer, verifier: TokenVerifier, busy: bool
) -> None:
    stolen = issuer.sign()
    assert await believes(verifier, stolen)
    forged_before = issuer.sign(superuser=True)
    assert await believes(verifier, forged_before)
    issuer.rotate()
    issuer.kid = "new"
    if busy:
        for _ in range(22):
            issuer.seconds += 1
            (
                await verifier.verify(issuer.sign())
                if issuer.seconds > 1012
                else await believes(verifier, stolen)
            )
            await settle()
    else:
        issuer.seconds += 25
    assert not await believes(verifier, stolen)
    assert not await believes(verifier, forged_before)
    assert await believes(verifier, issuer.sign())


async def test_a_key_of_the_same_id_with_other_content_ends_what_was_verified(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    stolen = issuer.sign()
    assert await believes(verifier, stolen)
    issuer.key = Ed25519PrivateKey.generate()
    issuer.seconds += 25
    assert not await believes(verifier, stolen)


@pytest.mark.parametrize("outage", ["is_away", "is_frozen"])
async def test_while_the_issuer_is_away_tokens_go_on_and_then_the_withdrawn_key_ends(
    issuer: Issuer, verifier: TokenVerifier, outage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "KEYS_TIMEOUT_SECONDS", 0.05)
    stolen = issuer.sign()
    assert await believes(verifier, stolen)
    setattr(issuer, outage, True)
    for _ in range(10):
        issuer.seconds += 60
        assert await believes(verifier, stolen)
        await settle()
    # The key was withdrawn in the meantime; the first answer ends it.
    issuer.rotate()
    setattr(issuer, outage, False)
    issuer.seconds += 25
    assert not await believes(verifier, stolen)


async def test_an_outage_that_outlives_every_token_leaves_no_key_in_use(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    """With a stolen key tokens can be made at any time; genuine ones have ended by then."""
    assert await believes(verifier, issuer.sign())
    issuer.is_away = True
    issuer.seconds += 700
    with pytest.raises(KeysUnavailable):
        await verifier.verify(issuer.sign())
    issuer.is_away = False
    issuer.seconds += 3
    assert await believes(verifier, issuer.sign())


async def test_the_issuer_is_asked_now_and_then_and_not_by_each_request(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    token = issuer.sign()
    for _ in range(1000):
        issuer.seconds += 0.05
        assert await believes(verifier, token)
        await settle()
    assert issuer.asked <= 6


@pytest.mark.alone
async def test_a_frozen_issuer_keeps_few_requests_waiting(
    issuer: Issuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "KEYS_TIMEOUT_SECONDS", 0.2)
    token = issuer.sign()
    assert await believes(verifier, token)
    issuer.is_frozen = True
    issuer.seconds += 30
    asked = issuer.asked
    for _ in range(100):
        issuer.seconds += 0.1
        assert await believes(verifier, token)
    # Who waits is who asks: with all of them it would be 100.
    assert issuer.asked - asked <= 3


@pytest.mark.alone
async def test_who_come_while_the_issuer_never_answered_wait_together(
    issuer: Issuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They waited in turn, each for an attempt of its own: six of them up to six times as long."""
    monkeypatch.setattr(tokens, "KEYS_TIMEOUT_SECONDS", 0.3)
    keys = KeySet(issuer.fetch, cooldown_seconds=0.3)
    monkeypatch.setattr(tokens, "time", time)
    issuer.is_frozen = True
    began = time.perf_counter()
    found = await asyncio.gather(*(keys.get(f"k{n}") for n in range(6)), return_exceptions=True)
    assert {type(one) for one in found} == {KeysUnavailable}
    assert time.perf_counter() - began < 0.3 + 0.25
    # Whoever comes now is told at once.
    with pytest.raises(KeysUnavailable):
        await keys.get("k")
    assert time.perf_counter() - began < 0.3 + 0.25
    assert issuer.asked == 1


@pytest.mark.parametrize(
    ("claim", "name"),
    [("Ann Lee", "Ann Lee"), ("", None), (None, None), (5, None), (["x"], None)],
)
async def test_the_name_in_a_token_is_the_person_s(
    issuer: Issuer, verifier: TokenVerifier, claim: object, name: str | None
) -> None:
    person = await verifier.verify(issuer.sign(name=claim))
    assert isinstance(person, Person)
    assert person.name == name

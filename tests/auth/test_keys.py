"""Signing keys: their states, rotation under load, and what happens to the old ones."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI
from sqlmodel import select

from auth_service import migrate
from auth_service.keys import ring as key_ring
from auth_service.keys.__main__ import main
from auth_service.keys.cipher import cipher_for
from auth_service.keys.ring import KeyRing, UnreadableKeys
from auth_service.keys.service import (
    ensure_first_key,
    list_keys,
    new_key,
    replace_all,
    rotate,
    thumbprint,
)
from auth_service.keys.states import State, key_states
from auth_service.maintenance import purge
from auth_service.models import SigningKey
from auth_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.database.engine import Database
from service_kit.web import tokens
from service_kit.web.tokens import InvalidToken, KeySet, TokenVerifier, fetch_keys_from
from tests.auth.conftest import MakeSettings, StartApp, client_of
from tests.auth.people import API, People, Person, problem
from tests.auth.processes import Command
from tests.conftest import SECRET, FreshDatabase

T0 = datetime(2026, 1, 1, tzinfo=UTC)
GRACE = timedelta(minutes=12)


@dataclass
class Key:
    kid: str
    signs_from: datetime


OLD, NEW = Key("old", T0), Key("new", T0 + timedelta(minutes=6))


@pytest.mark.parametrize(
    ("minutes", "old", "new"),
    [
        (0, State.SIGNING, State.PUBLISHED),
        (5.9, State.SIGNING, State.PUBLISHED),
        (6, State.RETIRED, State.SIGNING),
        (17.9, State.RETIRED, State.SIGNING),
        (18, State.WITHDRAWN, State.SIGNING),
        # A clock that is behind: somebody has to sign.
        (-60, State.SIGNING, State.PUBLISHED),
    ],
)
def test_states_follow_from_the_time(minutes: float, old: State, new: State) -> None:
    now = T0 + timedelta(minutes=minutes)
    assert key_states([NEW, OLD], now=now, grace=GRACE) == {"old": old, "new": new}


def test_two_rotations_in_a_row_leave_one_signing() -> None:
    third = Key("third", NEW.signs_from + timedelta(minutes=1))
    now = third.signs_from
    assert key_states([OLD, NEW, third], now=now, grace=GRACE) == {
        "old": State.RETIRED, "new": State.RETIRED, "third": State.SIGNING,
    }  # fmt: skip


def test_a_key_is_named_by_the_example_of_rfc_8037() -> None:
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert thumbprint(x) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


async def test_the_document_holds_public_keys_only(client: httpx.AsyncClient) -> None:
    answer = await client.get("/.well-known/jwks.json")
    (key,) = answer.json()["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
    assert key["kid"] == thumbprint(key["x"])
    assert answer.headers["cache-control"] == "public, max-age=5"


async def test_private_keys_are_encrypted_at_rest(
    database: Database, auth_settings: MakeSettings
) -> None:
    async with database.transaction() as session:
        (row,) = await list_keys(session)
    assert b"PRIVATE" not in row.private_key
    assert b"PRIVATE" in cipher_for(auth_settings().secret_key).decrypt(row.private_key)


async def test_another_secret_key_cannot_read_them_and_says_so(
    database: Database,
    auth_settings: MakeSettings,
    start_app: StartApp,
    monkeypatch: pytest.MonkeyPatch,
    command: Command,
) -> None:
    another = f"{SECRET}-another"
    ring = KeyRing(database, auth_settings(secret_key=another))
    with pytest.raises(UnreadableKeys):
        await ring.signing_key()
    # Not a matter of readiness, which is of the database alone: the start says so, by migrating.
    async with start_app(secret_key=another) as app, client_of(app) as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == 200

    def migrate_with_another() -> None:
        monkeypatch.setenv("SECRET_KEY", another)
        migrate.main()

    done = await command(migrate_with_another, auth_settings())
    assert (done.returncode, done.stderr) == (1, f"{migrate.UNREADABLE}\n")


async def test_twenty_processes_that_start_at_once_make_one_first_key(
    start_app: StartApp, fresh_database: FreshDatabase, auth_settings: MakeSettings
) -> None:
    async with start_app(database_url=await fresh_database("auth")) as app:
        database: Database = app.state.database
        async with database.transaction() as session:
            for key in await list_keys(session):
                await session.delete(key)
        rings = [KeyRing(database, auth_settings()) for _ in range(20)]
        found = {key.kid for key in await asyncio.gather(*(ring.signing_key() for ring in rings))}
    assert len(found) == 1


class Load:
    """People who keep asking, with tokens old and new, here and at a service that fetches keys."""

    def __init__(self, client: httpx.AsyncClient, person: Person) -> None:
        self.client = client
        self.person = person
        self.elsewhere = TokenVerifier(
            KeySet(fetch_keys_from("https://localhost", client), cooldown_seconds=0.05),
            issuer="parterre",
            leeway_seconds=30,
        )
        self.refused: list[str] = []
        self.kids: set[str] = set()
        self.asked = 0

    async def once(self) -> None:
        answer = await self.client.post(
            f"{API}/auth/refresh", json={"refresh_token": self.person.refresh_token}
        )
        assert answer.status_code == 200, answer.text
        pair = answer.json()
        self.person.refresh_token = pair["refresh_token"]
        self.kids.add(jwt.get_unverified_header(pair["access_token"])["kid"])
        for token in (self.person.access_token, pair["access_token"]):
            await self._use(token)

    async def _use(self, token: str) -> None:
        self.asked += 1
        answer = await self.client.get(
            f"{API}/users/me", headers={"Authorization": f"Bearer {token}"}
        )
        if answer.status_code != 200:
            self.refused.append("here")
        try:
            await self.elsewhere.verify(token)
        except InvalidToken:
            self.refused.append("elsewhere")

    async def run_until(self, kid: str) -> None:
        async with asyncio.timeout(10):
            while kid not in self.kids:
                await self.once()
        for _ in range(10):
            await self.once()


@pytest.fixture
async def rotating_app(
    start_app: StartApp, fresh_database: FreshDatabase, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FastAPI]:
    """Time runs faster: keys are read again after 50 ms and sign after a second."""
    monkeypatch.setattr(key_ring, "FRESH_SECONDS", 0.05)
    async with start_app(
        database_url=await fresh_database("auth"), signing_key_lead_seconds=1
    ) as app:
        yield app


async def published(client: httpx.AsyncClient) -> list[str]:
    document = (await client.get("/.well-known/jwks.json")).json()
    return [key["kid"] for key in document["keys"]]


async def rotated(app: FastAPI, lead: timedelta) -> SigningKey:
    settings: Settings = app.state.settings
    async with app.state.database.transaction() as session:
        return await rotate(session, cipher_for(settings.secret_key), now=utc_now(), lead=lead)


async def test_a_rotation_under_load_refuses_nobody(rotating_app: FastAPI) -> None:
    async with client_of(rotating_app) as client:
        people = People(client, rotating_app.state.database)
        load = Load(client, await people.sign_in())
        await load.once()
        for _ in range(2):
            key = await rotated(rotating_app, timedelta(seconds=1))
            await load.run_until(key.kid)
        assert load.refused == []
        assert len(load.kids) == 3 and load.asked > 40
        assert set(await published(client)) == load.kids


async def test_a_rotation_that_forgets_the_old_key_refuses_people(rotating_app: FastAPI) -> None:
    """The control of the test above, and what the command does when a key is compromised."""
    async with client_of(rotating_app) as client:
        people = People(client, rotating_app.state.database)
        load = Load(client, await people.sign_in())
        await load.once()
        settings: Settings = rotating_app.state.settings
        async with rotating_app.state.database.transaction() as session:
            key = await replace_all(session, cipher_for(settings.secret_key), now=utc_now())
        await load.run_until(key.kid)
        assert "here" in load.refused
        # A refresh is all it takes.
        assert (await people.try_password(load.person.email, load.person.password)).is_success


class Watch:
    """The clock of keys and tokens, moved by the test; of the process's own tasks nothing else moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        clock = SimpleNamespace(monotonic=lambda: time.monotonic() + self.ahead, time=time.time)
        monkeypatch.setattr(key_ring, "time", clock)
        monkeypatch.setattr(tokens, "time", clock)


async def believed(verifier: TokenVerifier, token: str) -> bool:
    try:
        await verifier.verify(token)
    except InvalidToken:
        return False
    return True


@pytest.mark.parametrize("pause", [1.0, 28.0], ids=["busy", "idle"])
async def test_after_a_compromise_no_service_takes_a_token_of_the_key_30_s_later(
    start_app: StartApp,
    fresh_database: FreshDatabase,
    monkeypatch: pytest.MonkeyPatch,
    command: Command,
    pause: float,
) -> None:
    """The command itself, this service, and the verifier of the others; asked all the time, or not
    between the command and the end of the 30 s."""
    watch = Watch(monkeypatch)
    async with (
        start_app(database_url=await fresh_database("auth")) as app,
        client_of(app) as client,
    ):
        person = await People(client, app.state.database).sign_in()
        key = await app.state.key_ring.signing_key()
        claims = jwt.decode(person.access_token, options={"verify_signature": False})
        forged = jwt.encode(
            {**claims, "superuser": True}, key.private_key, "EdDSA", headers={"kid": key.kid}
        )
        elsewhere = TokenVerifier(
            KeySet(fetch_keys_from("https://localhost", client)),
            issuer="parterre",
            leeway_seconds=30,
        )
        stolen = [person.access_token, forged]
        for token in stolen:
            assert await believed(elsewhere, token)
        done = await command(main, app.state.settings, "rotate", "--compromised")
        assert done.returncode == 0, done.stderr
        for _ in range(round(28 / pause)):
            watch.ahead += pause
            last = [await believed(elsewhere, token) for token in stolen]
            answer = await client.get(f"{API}/users/me", headers=person.headers)
            await asyncio.sleep(0.01)
        assert last == [False, False]
        assert problem(answer) == (401, "not-authenticated")
        again = await People(client, app.state.database).sign_in(person)
        assert await believed(elsewhere, again.access_token)


async def test_a_withdrawn_key_is_neither_published_nor_believed_nor_kept(
    rotating_app: FastAPI,
) -> None:
    settings: Settings = rotating_app.state.settings
    database: Database = rotating_app.state.database
    async with client_of(rotating_app) as client:
        person = await People(client, database).sign_in()
        long_ago = timedelta(hours=1)
        async with database.transaction() as session:
            (old,) = await list_keys(session)
            old.signs_from -= 2 * long_ago
            new = new_key(
                cipher_for(settings.secret_key), signs_from=utc_now() - long_ago, now=utc_now()
            )
            session.add(new)
        async with asyncio.timeout(10):
            while old.kid == (await published(client))[0]:
                await asyncio.sleep(0.01)
        answer = await client.get(f"{API}/users/me", headers=person.headers)
        kids = await published(client)
    assert problem(answer) == (401, "not-authenticated")
    assert kids == [new.kid]
    await purge(database, settings)
    async with database.transaction() as session:
        assert [key.kid for key in await list_keys(session)] == [new.kid]


async def test_keys_stay_while_the_database_is_away(
    auth_settings: MakeSettings, auth_app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = KeyRing(auth_app.state.database, auth_settings())
    before = await ring.document()
    monkeypatch.setattr(key_ring, "FRESH_SECONDS", 0)

    async def away(*_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(key_ring, "list_keys", away)
    for _ in range(3):
        assert await ring.document() == before
    await ring.close()


async def test_the_first_key_is_made_once(database: Database, auth_settings: MakeSettings) -> None:
    async with database.transaction() as session:
        await ensure_first_key(session, cipher_for(auth_settings().secret_key), now=utc_now())
    async with database.transaction() as session:
        assert len((await session.exec(select(SigningKey))).all()) == 1


async def test_the_command_rotates_and_lists(command: Command, rotating_app: FastAPI) -> None:
    settings: Settings = rotating_app.state.settings
    made = await command(main, settings, "rotate")
    assert made.returncode == 0, made.stderr
    assert " signs from " in made.stdout
    listed = await command(main, settings, "list")
    assert [line.split()[1] for line in listed.stdout.splitlines()] == ["signing", "published"]
    kid = made.stdout.split()[0]
    async with client_of(rotating_app) as client:
        assert kid in json.dumps((await client.get("/.well-known/jwks.json")).json())
    done = await command(main, settings, "rotate", "--compromised")
    listed = await command(main, settings, "list")
    assert [line.split()[:2] for line in listed.stdout.splitlines()] == [
        [done.stdout.split()[0], "signing"]
    ]

"""POST /auth/login: who may come in, how fast, and how often one may try."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI
from fastapi_users.password import PasswordHelper
from redis import Redis

from auth_service.identity.hashing import Hasher
from auth_service.problems import BadCredentials
from auth_service.sessions import passwords as password_checks
from service_kit.problems import Unavailable
from tests.auth.conftest import MakeSettings, StartApp, client_of
from tests.auth.people import API, PASSWORD, People, Person, UserFactory, new_address, problem
from tests.auth.timing import Attempt, measure, take_as_long

LOGIN = f"{API}/auth/login"


async def test_answers_a_pair_of_tokens(client: httpx.AsyncClient, people: People) -> None:
    person = await people.register()
    answer = await people.try_password(person.email.upper(), PASSWORD)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (body["token_type"], body["expires_in"]) == ("bearer", 600)
    assert answer.headers["cache-control"] == "no-store"
    # 256 bits
    assert len(body["refresh_token"]) == 43


async def test_says_the_same_for_a_wrong_password_and_for_nobody(people: People) -> None:
    person = await people.register()
    wrong = await people.try_password(person.email, "not the password")
    nobody = await people.try_password(new_address(), "not the password")
    assert problem(wrong) == problem(nobody) == (400, "bad-credentials")
    without_id = [{**a.json(), "request_id": ""} for a in (wrong, nobody)]
    assert without_id[0] == without_id[1]
    # What OAuth clients look for
    assert wrong.json()["error"] == "invalid_grant"


async def test_refuses_a_deactivated_account(people: People) -> None:
    person = await people.register()
    await people.change(person, is_active=False)
    assert problem(await people.try_password(person.email, PASSWORD)) == (400, "bad-credentials")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"username": "x"},
        {"password": "x"},
        {"username": "x", "password": "y", "grant_type": "z"},
    ],
)
async def test_refuses_an_incomplete_form(client: httpx.AsyncClient, form: dict[str, str]) -> None:
    assert problem(await client.post(LOGIN, data=form)) == (422, "invalid-request")


@pytest.mark.parametrize(
    "name", ["' OR 1=1 --", "a\x00b", "x" * 5000, "\u202e@example.com", "%00", "*"]
)
async def test_takes_no_harm_from_odd_names(people: People, name: str) -> None:
    assert (await people.try_password(name, "whatever it is")).status_code in (400, 422)


async def test_ten_bad_passwords_lock_the_account_for_strangers(
    client: httpx.AsyncClient, people: People
) -> None:
    person = await people.sign_in()
    for _ in range(10):
        answer = await people.try_password(person.email, "not the password")
        assert problem(answer) == (400, "bad-credentials")
    locked = await people.try_password(person.email, PASSWORD)
    assert problem(locked) == (429, "rate-limited")
    assert 0 < int(locked.headers["retry-after"]) <= 900
    assert (await people.actions(person)).count("sign-in.failed") == 10
    assert (await people.actions(person)).count("sign-in.locked") == 1
    # The owner's session goes on, asks for the password where that is due, and may sign in anew.
    me = await client.patch(
        f"{API}/users/me",
        headers=person.headers,
        json={"password": "another horse battery", "current_password": PASSWORD},
    )
    assert me.status_code == 200
    again = await people.try_password(person.email, "another horse battery", headers=person.headers)
    assert again.status_code == 200


async def test_an_address_without_an_account_locks_alike(people: People) -> None:
    email = new_address()
    answers = [await people.try_password(email, "not the password") for _ in range(11)]
    assert [a.status_code for a in answers] == [400] * 10 + [429]


async def test_a_good_password_forgives_the_bad_ones(people: People) -> None:
    person = await people.register()
    for _ in range(2):
        for _ in range(9):
            await people.try_password(person.email, "not the password")
        assert (await people.try_password(person.email, PASSWORD)).status_code == 200


async def test_the_lock_is_in_the_database_and_outlasts_redis(
    people: People, redis_url: str
) -> None:
    email = new_address()
    for _ in range(10):
        await people.try_password(email, "not the password")
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
    assert problem(await people.try_password(email, "not the password"))[0] == 429


async def test_a_signed_in_thief_cannot_guess_the_password_for_long(
    client: httpx.AsyncClient, people: People
) -> None:
    person = await people.sign_in()

    async def guess() -> int:
        body = {"password": "thief horse battery", "current_password": "a guess"}
        answer = await client.patch(f"{API}/users/me", headers=person.headers, json=body)
        return answer.status_code

    assert [await guess() for _ in range(12)] == [400] * 10 + [429] * 2
    # That is the session's affair: signing in is not locked by it.
    assert (await people.try_password(person.email, PASSWORD)).status_code == 200


async def guesses_at_once(people: People, person: Person, count: int = 40) -> list[int]:
    wrong = [people.try_password(person.email, f"guess number {n}") for n in range(count)]
    answers = await asyncio.gather(*wrong)
    return [answer.status_code for answer in answers]


async def test_forty_guesses_at_once_hear_ten_answers(people: People) -> None:
    person = await people.register()
    statuses = await guesses_at_once(people, person)
    assert statuses.count(400) == 10
    assert statuses.count(429) == 30


async def test_without_the_count_all_forty_would_be_answered(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""

    async def refuse(*_: object) -> None:
        raise BadCredentials

    monkeypatch.setattr(password_checks.PasswordChecks, "_refuse", refuse)
    person = await people.register()
    assert (await guesses_at_once(people, person)).count(400) == 40


REAL_HASHES = {"password_hash_memory_kib": 19_456, "password_hash_passes": 2}


@asynccontextmanager
async def known_and_unknown(start_app: StartApp) -> AsyncIterator[tuple[Attempt, Attempt]]:
    """A wrong password for somebody and for nobody, hashed as in production."""
    async with start_app(bad_passwords=10_000, **REAL_HASHES) as app, client_of(app) as client:
        people = People(client, app.state.database)
        person = await people.register()
        yield (
            lambda: people.try_password(person.email, "not the password"),
            lambda: people.try_password(f"x{person.email}", "not the password"),
        )


@pytest.mark.alone
async def test_takes_as_long_for_nobody_as_for_a_wrong_password(start_app: StartApp) -> None:
    async with known_and_unknown(start_app) as attempts:
        assert await take_as_long(*attempts)


async def test_control_without_a_dummy_hash_the_time_shows_who_has_an_account(
    start_app: StartApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""
    verify = Hasher.verify

    async def verify_if_there_is_one(
        self: Hasher, password: str, hashed: str | None
    ) -> tuple[bool, str | None]:
        return await verify(self, password, hashed) if hashed else (False, None)

    monkeypatch.setattr(Hasher, "verify", verify_if_there_is_one)
    async with known_and_unknown(start_app) as attempts:
        known, unknown = await measure(*attempts, rounds=15)
    assert unknown < 0.8 * known


async def turns_during(work: Awaitable[object]) -> int:
    """How often the event loop comes round meanwhile."""
    turns, done = 0, asyncio.ensure_future(work)
    while not done.done():
        turns += 1
        await asyncio.sleep(0)
    return turns


async def test_hashing_leaves_the_event_loop_alone(auth_settings: MakeSettings) -> None:
    hasher = Hasher(auth_settings(**REAL_HASHES))
    off_the_loop = asyncio.gather(*(hasher.hash(PASSWORD) for _ in range(20)))
    assert await turns_during(off_the_loop) > 500

    async def on_the_loop() -> None:
        for _ in range(20):
            PasswordHelper().hash(PASSWORD)
            await asyncio.sleep(0)

    # The control: fastapi-users' own way.
    assert await turns_during(on_the_loop()) < 50


async def test_sheds_those_who_would_wait_too_long(auth_settings: MakeSettings) -> None:
    hasher = Hasher(auth_settings(password_hash_threads=1, password_hash_queue=3, **REAL_HASHES))
    results = await asyncio.gather(
        *(hasher.hash(PASSWORD) for _ in range(20)), return_exceptions=True
    )
    shed = [r for r in results if isinstance(r, Unavailable)]
    assert len(shed) == 16
    assert shed[0].headers == {"Retry-After": "1"}


async def test_shedding_is_heard_as_503_with_retry_after(start_app: StartApp) -> None:
    async with start_app(password_hash_queue=0, password_hash_threads=1, **REAL_HASHES) as app:
        async with client_of(app) as client:
            people = People(client, app.state.database)
            answers = await asyncio.gather(
                *(people.try_password(f"a{n}@example.com", "x") for n in range(5))
            )
    shed = [answer for answer in answers if answer.status_code == 503]
    assert shed
    assert problem(shed[0]) == (503, "unavailable")
    assert shed[0].headers["retry-after"] == "1"


async def test_a_hash_of_older_parameters_is_renewed_at_sign_in(
    start_app: StartApp, people: People
) -> None:
    person = await people.register()
    before = (await people.row(person)).hashed_password
    async with start_app(password_hash_passes=2) as app, client_of(app) as client:
        answer = await People(client, people.database).try_password(person.email, PASSWORD)
        assert answer.status_code == 200
    after = (await people.row(person)).hashed_password
    assert "t=1" in before and "t=2" in after
    assert (await people.try_password(person.email, PASSWORD)).status_code == 200


async def test_an_accent_is_the_same_however_it_is_typed(people: People) -> None:
    person = await people.register(password="cr\u00e8me br\u00fbl\u00e9e!")
    answer = await people.try_password(person.email, "cre\u0300me bru\u0302le\u0301e!")
    assert answer.status_code == 200


async def test_an_account_made_elsewhere_with_no_usable_hash_signs_nobody_in(
    auth_app: FastAPI, people: People
) -> None:
    user = UserFactory.build(hashed_password="!")
    async with people.database.transaction() as session:
        session.add(user)
    assert problem(await people.try_password(user.email, "anything at all")) == (
        400,
        "bad-credentials",
    )

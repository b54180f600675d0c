"""POST /auth/register."""

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from auth_service.settings import Settings
from service_kit.database.engine import Database
from tests.auth.conftest import MakeSettings, StartApp, client_of
from tests.auth.people import API, PASSWORD, People, Person, new_address, problem
from tests.conftest import FreshDatabase

REGISTER = f"{API}/auth/register"


async def test_answers_the_account_and_asks_for_a_verification_mail(
    client: httpx.AsyncClient, people: People
) -> None:
    email = new_address()
    answer = await client.post(
        REGISTER,
        json={"email": email, "password": PASSWORD, "full_name": " Ann Lee ", "locale": "ru"},
    )
    assert answer.status_code == 201
    body = answer.json()
    assert body == {
        "id": body["id"],
        "email": email,
        "full_name": "Ann Lee",
        "locale": "ru",
        "is_verified": False,
        "is_superuser": False,
    }
    assert answer.headers["cache-control"] == "no-store"
    person = await people.sign_in(Person(UUID(body["id"]), body["email"]))
    (message,) = await people.messages(person)
    assert message.task == "notifications.send"
    assert message.message["kind"] == "verify-email"
    assert message.message["data"] == {}
    # Queue and Flower show messages: no address, no name, no token.
    assert email not in str(message.message) and "Ann" not in str(message.message)


async def test_ignores_rights_that_somebody_gives_themselves(
    client: httpx.AsyncClient, people: People
) -> None:
    person = await people.register(is_superuser=True, is_verified=True, is_active=False, id="x")
    row = await people.row(person)
    assert (row.is_superuser, row.is_verified, row.is_active) == (False, False, True)


async def test_takes_an_address_once_whatever_its_case(
    client: httpx.AsyncClient, people: People
) -> None:
    person = await people.register()
    answer = await client.post(REGISTER, json={"email": person.email.upper(), "password": PASSWORD})
    assert problem(answer) == (409, "email-taken")


async def register_at_once(app: Any, count: int) -> list[int]:
    """Answers to that many registrations of one address, each with another case."""
    letters = "abcdefgh"
    addresses = [
        "".join(c.upper() if n >> i & 1 else c for i, c in enumerate(letters)) + "@example.com"
        for n in range(count)
    ]
    async with client_of(app) as client:
        answers = await asyncio.gather(
            *(client.post(REGISTER, json={"email": a, "password": PASSWORD}) for a in addresses)
        )
    return sorted(answer.status_code for answer in answers)


async def test_fifty_at_once_in_different_case_make_one_account(
    start_app: StartApp, fresh_database: FreshDatabase
) -> None:
    async with start_app(database_url=await fresh_database("auth")) as app:
        assert await register_at_once(app, 50) == [201] + [409] * 49


@pytest.mark.by_chance
async def test_without_the_unique_index_they_would_make_several(
    start_app: StartApp, fresh_database: FreshDatabase
) -> None:
    """The control of the test above."""
    async with start_app(database_url=await fresh_database("auth")) as app:
        async with app.state.database.transaction() as session:
            await session.execute(text("DROP INDEX uq_account_email, uq_account_email_ascii"))
        assert (await register_at_once(app, 50)).count(201) > 1


@pytest.mark.parametrize(
    "email",
    [
        "", "x", "@example.com", "a@", "a@b", "a b@example.com", "a@example.com\r\nBcc: b@example.com",
        "a@exa\x00mple.com", "\ud800@example.com", "a@example.com,b@example.com", "Ann <a@example.com>",
        "a" * 300 + "@example.com", None, 1, ["a@example.com"], {"a": 1}, "a'--@example",
    ],
)  # fmt: skip
async def test_refuses_what_is_not_an_address(client: httpx.AsyncClient, email: Any) -> None:
    answer = await client.post(
        REGISTER,
        content=json.dumps({"email": email, "password": PASSWORD}),
        headers={"Content-Type": "application/json"},
    )
    assert problem(answer) == (422, "invalid-request")
    assert answer.json()["errors"][0]["field"] == "email"


@pytest.mark.parametrize(
    "password",
    ["short7!", "x" * 129, "password1234", "aaaaaaaaaaaa", "qwertyuiop", "nul\x00-in-the-middle"],
)
async def test_refuses_a_weak_password(client: httpx.AsyncClient, password: str) -> None:
    answer = await client.post(REGISTER, json={"email": new_address(), "password": password})
    assert problem(answer) == (422, "invalid-request")
    assert answer.json()["errors"][0]["field"] == "password"
    assert password not in answer.text


@pytest.mark.parametrize("password", ["a phrase of forty-odd characters, all fine", "x" * 64])
async def test_takes_a_long_password_whole(people: People, password: str) -> None:
    email = new_address()
    person = await people.register(email, password=password)
    assert (await people.try_password(person.email, password)).status_code == 200
    assert (await people.try_password(person.email, password[:-1])).status_code == 400


async def test_a_password_of_80_characters_is_not_cut_at_72_bytes(people: People) -> None:
    password = "".join(chr(97 + n % 26) for n in range(80))
    person = await people.register(password=password)
    assert (await people.try_password(person.email, password[:72])).status_code == 400
    assert (await people.try_password(person.email, password)).status_code == 200


@pytest.mark.parametrize(
    "full_name", ["x\r\nBcc: evil@example.com", "\ud800", "nul\x00", "\u202egnp.exe", "x" * 201]
)
async def test_refuses_a_name_that_could_break_a_header(
    client: httpx.AsyncClient, full_name: str
) -> None:
    content = json.dumps({"email": new_address(), "password": PASSWORD, "full_name": full_name})
    answer = await client.post(
        REGISTER, content=content, headers={"Content-Type": "application/json"}
    )
    assert problem(answer) == (422, "invalid-request")


async def test_keeps_the_account_only_with_its_message(
    start_app: StartApp, fresh_database: FreshDatabase
) -> None:
    """Account and mail are one transaction: where the message cannot be stored, nobody is."""
    async with start_app(database_url=await fresh_database("auth")) as app:
        database: Database = app.state.database
        async with database.transaction() as session:
            await session.execute(text("ALTER TABLE outbox ADD CHECK (task = 'nothing')"))
        async with client_of(app) as client:
            answer = await client.post(
                REGISTER, json={"email": "a@example.com", "password": PASSWORD}
            )
        assert problem(answer) == (500, "internal-error")
        async with database.transaction() as session:
            assert (await session.execute(text("SELECT count(*) FROM account"))).scalar() == 0


def test_refuses_to_start_with_equal_or_short_secrets(auth_settings: MakeSettings) -> None:
    same = "x" * 40
    with pytest.raises(ValueError, match="must differ"):
        auth_settings(secret_key=same, reset_password_token_secret=same)
    with pytest.raises(ValueError, match="SECRET_KEY"):
        auth_settings(secret_key="change-me-" + "x" * 40)
    with pytest.raises(ValueError, match="shorter than 32"):
        auth_settings(verification_token_secret="short")


def test_has_no_secret_by_default() -> None:
    required = {name for name, f in Settings.model_fields.items() if f.is_required()}
    assert {"secret_key", "verification_token_secret", "reset_password_token_secret"} <= required

"""Addresses: which are taken, in which form, and that each is one account however it is spelt."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import idna
import pytest
from alembic import command as alembic
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from auth_service.addresses import InvalidAddress, ascii_address, parse_address
from auth_service.cli import main
from auth_service.identity.queries import find_by_email, has_address
from auth_service.mails.requests import process_mail_requests
from auth_service.maintenance import fill_ascii_addresses
from auth_service.models import MailRequest, User
from service_kit.database.engine import Database
from service_kit.database.migrations import alembic_config
from service_kit.ids import new_id
from tests.auth.conftest import MakeSettings, StartApp, client_of
from tests.auth.people import (
    API,
    PASSWORD,
    Links,
    People,
    Person,
    UserFactory,
    new_address,
    problem,
)
from tests.auth.processes import Command
from tests.conftest import FreshDatabase

REGISTER = f"{API}/auth/register"


@pytest.mark.parametrize(
    ("typed", "shown", "ascii"),
    [
        (" Ann@Example.COM ", "ann@example.com", "ann@example.com"),
        # IDNA2003 makes fass.de of it, which is somebody else's.
        ("user@faß.de", "user@faß.de", "user@xn--fa-hia.de"),
        ("user@xn--fa-hia.de", "user@faß.de", "user@xn--fa-hia.de"),
        ("USER@FAẞ.DE", "user@faß.de", "user@xn--fa-hia.de"),
        ("a@σίγμας.gr", "a@σίγμας.gr", "a@xn--kxaef0b5ab.gr"),
        ("a@ПРИМЕР.рф", "a@пример.рф", "a@xn--e1afmkfd.xn--p1ai"),
        ("a@bu\u0308cher.example", "a@bücher.example", "a@xn--bcher-kva.example"),
        ("o'neil+tag@example.com", "o'neil+tag@example.com", "o'neil+tag@example.com"),
        ("пётр@example.com", "пётр@example.com", "пётр@example.com"),
        ("a@１２.example。com", "a@12.example.com", "a@12.example.com"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_any_spelling_has_one_form_to_show_and_one_for_the_mail(
    typed: str, shown: str, ascii: str
) -> None:
    found = parse_address(typed)
    assert found.display == shown
    assert found.ascii == ascii
    assert ascii_address(found.display) == ascii == parse_address(found.ascii).ascii
    # What notification-service makes of it is the very domain that was registered.
    domain = found.display.rpartition("@")[2]
    assert idna.encode(domain, uts46=True, transitional=False).decode() == (
        found.ascii.rpartition("@")[2]
    )


LONG_DOMAIN = ".".join(["d" * 60] * 4)


@pytest.mark.parametrize(
    "typed",
    [
        "o’neil@example.com", "o‘neil@example.com", "o´neil@example.com", "anna–lee@example.com",
        "anna‑lee@example.com", "ﬀ@example.com", "ａnn@example.com", "😀@example.com", "a\u00a0b@example.com",
        "a\u200bb@example.com", "a\u200db@example.com", "ann。lee@example.com", "a„b“@example.com",
        "½@example.com", "ª@example.com", "a\u202eb@example.com", "a\u20dd@example.com",
        "a@exa_mple.com", "a@☃.net", "a@127.0.0.1", "a@[127.0.0.1]", "a@localhost", '"a b"@example.com',
        "a@-example.com", "a@exam\u200dple.com", "a@example", "a@xn--a.com", "a@xn--fass-.de",
        "a" * 65 + "@example.com", "ё" * 33 + "@example.com", f"ann@{LONG_DOMAIN}.example.com",
        "a@" + "я" * 60 + ".рф", "a@b@example.com", "a,b@example.com", "a@example.com, b@example.com",
        "<a@example.com>", "Ann <a@example.com>", "a..b@example.com", ".a@example.com", "a@ex ample.com",
    ],
)  # fmt: skip
async def test_an_address_that_no_server_takes_is_refused_with_the_reason(
    client: httpx.AsyncClient, people: People, typed: str
) -> None:
    with pytest.raises(InvalidAddress):
        parse_address(typed)
    person = await people.sign_in()
    body = {"email": typed, "password": PASSWORD}
    refused = [
        await client.post(REGISTER, json=body),
        await client.patch(
            f"{API}/users/me",
            headers=person.headers,
            json={"email": typed, "current_password": PASSWORD},
        ),
        await client.post(f"{API}/auth/forgot-password", json=body),
        await client.post(f"{API}/auth/request-verify-token", json=body),
    ]
    for answer in refused:
        assert problem(answer) == (422, "invalid-request")
        (error,) = answer.json()["errors"]
        assert error["field"] == "email" and "idna" not in error["message"].lower()
    signed_in = await people.try_password(typed, PASSWORD)
    assert problem(signed_in) in ((400, "bad-credentials"), (422, "invalid-request"))


async def test_a_curly_apostrophe_is_refused_with_what_to_type_instead(
    client: httpx.AsyncClient,
) -> None:
    body = {"email": "o’neil@example.com", "password": PASSWORD}
    (error,) = (await client.post(REGISTER, json=body)).json()["errors"]
    assert "’" in error["message"] and "type ' instead" in error["message"]


@pytest.mark.parametrize("local", ["üser", "пётр", "jose\u0301", "例"])
async def test_an_address_that_the_mail_server_may_not_take_is_refused_unless_it_is_said_to(
    client: httpx.AsyncClient, people: People, start_app: StartApp, local: str
) -> None:
    mark = new_id().hex[-12:]
    email, own, other = (f"{local}.{mark}{n}@bücher.example" for n in range(3))
    person = await people.sign_in()

    async def register(at: httpx.AsyncClient, address: str) -> httpx.Response:
        return await at.post(REGISTER, json={"email": address, "password": PASSWORD})

    async def move(at: httpx.AsyncClient, person: Person, address: str) -> httpx.Response:
        body = {"email": address, "current_password": PASSWORD}
        return await at.patch(f"{API}/users/me", headers=person.headers, json=body)

    for answer in (await register(client, email), await move(client, person, email)):
        assert problem(answer) == (422, "invalid-request")
        (error,) = answer.json()["errors"]
        assert error["field"] == "email"
        assert error["message"].endswith(", which our mail server cannot take before the @")
    assert (await people.row(person)).pending_email is None

    async with start_app(international_addresses=True) as app, client_of(app) as free:
        registered = await register(free, own)
        assert registered.status_code == 201
        assert (await move(free, person, other)).status_code == 200
    # Who has one keeps it, signs in with it, and may change one's mind to it.
    assert (await people.try_password(own, PASSWORD)).status_code == 200
    assert (await client.post(f"{API}/auth/forgot-password", json={"email": own})).is_success
    owner = await people.sign_in(Person(UUID(registered.json()["id"]), own))
    assert (await move(client, owner, own.upper())).status_code == 200


class Spellings:
    def __init__(self) -> None:
        label = f"faß{new_id().hex[-12:]}"
        self.shown = f"ann@{label}.de"
        self.ascii = f"ann@{idna.encode(label).decode()}.de"
        self.other = f"ann@{label.replace('ß', 'ss')}.de"
        self.all = (
            self.shown,
            self.ascii,
            self.shown.replace("ß", "ẞ").upper(),
            f" {self.ascii.upper()} ",
        )


@pytest.fixture
def spellings() -> Spellings:
    return Spellings()


async def test_one_address_in_two_spellings_is_one_account(
    client: httpx.AsyncClient, people: People, links: Links, spellings: Spellings
) -> None:
    person = await people.register(spellings.ascii)
    assert person.email == spellings.shown
    row = await people.row(person)
    assert (row.email, row.email_ascii) == (spellings.shown, spellings.ascii)
    for typed in spellings.all:
        taken = await client.post(REGISTER, json={"email": typed, "password": PASSWORD})
        assert problem(taken) == (409, "email-taken")
        assert (await people.try_password(typed, PASSWORD)).status_code == 200
    # The domain that IDNA2003 makes of it is another, and so is its account.
    other = await people.register(spellings.other)
    assert other.id != person.id and (await people.row(other)).email == spellings.other
    moving = await people.sign_in()
    for typed in spellings.all:
        answer = await client.patch(
            f"{API}/users/me",
            headers=moving.headers,
            json={"email": typed, "current_password": PASSWORD},
        )
        assert problem(answer) == (409, "email-taken")
    token = await links.token(person, "verify-email", email=spellings.ascii)
    assert (await links.verify(token)).status_code == 200


async def test_a_mail_asked_for_in_either_spelling_is_asked_for_once(
    client: httpx.AsyncClient, people: People, spellings: Spellings
) -> None:
    person = await people.register(spellings.shown)
    for typed in spellings.all:
        answer = await client.post(f"{API}/auth/forgot-password", json={"email": typed})
        assert answer.status_code == 202
    async with people.database.transaction() as session:
        asked = await session.exec(
            select(MailRequest).where(col(MailRequest.email) == spellings.shown)
        )
        assert len(asked.all()) == 1
    async with people.database.transaction() as session:
        for request in (await session.exec(select(MailRequest))).all():
            if request.email != spellings.shown:
                await session.delete(request)
    while await process_mail_requests(people.database, coalesce=timedelta(minutes=1)):
        pass
    assert len(await people.messages(person, "reset-password")) == 1


async def test_superusers_and_operators_find_either_spelling(
    client: httpx.AsyncClient,
    people: People,
    spellings: Spellings,
    command: Command,
    auth_settings: MakeSettings,
) -> None:
    person, admin = await people.register(spellings.shown), await people.superuser()
    for typed in spellings.all:
        for query in ({"email": typed}, {"q": typed}):
            found = await client.get(f"{API}/users", params=query, headers=admin.headers)
            assert [item["id"] for item in found.json()["items"]] == [str(person.id)], query
    done = await command(main, auth_settings(), "promote", spellings.ascii)
    assert (done.returncode, done.stdout) == (0, f"{spellings.shown} is a superuser\n")


async def test_a_row_that_is_written_in_another_way_has_its_second_form_too(
    people: People, spellings: Spellings
) -> None:
    user = UserFactory.build(email=spellings.shown)
    async with people.database.transaction() as session:
        session.add(user)
    assert (await people.row(Person(user.id, ""))).email_ascii == spellings.ascii
    await people.change(Person(user.id, ""), email=(new := new_address()))
    assert (await people.row(Person(user.id, ""))).email_ascii == new


async def test_superusers_search_addresses_and_names(
    client: httpx.AsyncClient, people: People
) -> None:
    mark = new_id().hex[-10:]
    admin = await people.superuser()
    named = await people.register(f"{mark}a@example.com", full_name=f"Zoë 100%_Ünlü\\ {mark}")
    other = await people.register(f"{mark}b@example.com", full_name=f"Zoë 100xyÜnlü {mark}")

    async def search(q: str, **query: Any) -> list[str]:
        answer = await client.get(f"{API}/users", params={"q": q, **query}, headers=admin.headers)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    both = [str(other.id), str(named.id)]
    assert await search(mark) == await search(f" {mark.upper()} ") == both
    assert await search(f"ünlü\\ {mark}") == await search(f"100%_ÜNLÜ\\ {mark}") == both[1:]
    assert await search(f"{mark}A@EXAMPLE") == both[1:]
    assert await search(f"%_{mark}") == await search(f"{mark}%") == await search(f"x{mark}") == []
    assert await search(mark, limit=1) == both[:1]
    first = await client.get(f"{API}/users", params={"q": mark, "limit": 1}, headers=admin.headers)
    assert await search(mark, limit=1, cursor=first.json()["next_cursor"]) == both[1:]
    for refused in ("", "x" * 101, "\x00", "a" + "\u0301" * 31):
        answer = await client.get(f"{API}/users", params={"q": refused}, headers=admin.headers)
        assert problem(answer) == (422, "invalid-request")
    assert problem(await client.get(f"{API}/users", params={"q": mark})) == (
        401, "not-authenticated",
    )  # fmt: skip


async def old_release_writes(people: People, email: str, *, person: Person | None = None) -> Person:
    """As a process does that knows nothing of the second form."""
    row = await people.row(person or await people.register())
    async with people.database.transaction() as session:
        if person is not None:
            await session.execute(
                text("UPDATE account SET email = :email WHERE id = :id"),
                {"email": email, "id": row.id},
            )
            return Person(row.id, email)
        made = new_id()
        await session.execute(
            text(
                "INSERT INTO account (id, email, hashed_password, is_active, is_superuser,"
                " is_verified, full_name, locale, created_at, updated_at)"
                " VALUES (:id, :email, :password, true, false, true, '', 'en', now(), now())"
            ),
            {"id": made, "email": email, "password": row.hashed_password},
        )
    return Person(made, email)


@pytest.mark.parametrize("domain", ["example.com", "faß.de", "ПРИМЕР.рф", "bücher.example"])
async def test_an_account_of_the_release_before_is_found_by_any_spelling(
    client: httpx.AsyncClient, people: People, domain: str
) -> None:
    """Old processes run on while the new release comes, and after it was taken back."""
    name = new_id().hex
    written = f"{name}@{domain.lower()}"
    spelt = [written, f" {name.upper()}@{domain}", f"{name}@{ascii_address(domain)}"]
    await old_release_writes(people, written)

    async def all_find_it() -> None:
        for typed in spelt:
            assert (await people.try_password(typed, PASSWORD)).status_code == 200, typed
            taken = await client.post(REGISTER, json={"email": typed, "password": PASSWORD})
            assert problem(taken) == (409, "email-taken")

    await all_find_it()
    await asyncio.gather(*(fill_ascii_addresses(people.database) for _ in range(2)))
    async with people.database.transaction() as session:
        found = await find_by_email(session, spelt[0])
        assert found is not None and found.email_ascii == ascii_address(written)
    await all_find_it()


@pytest.mark.parametrize("domain", ["example.com", "faß.de"])
async def test_an_address_that_the_release_before_changed_is_the_accounts(
    client: httpx.AsyncClient, people: People, domain: str
) -> None:
    person = await people.register(f"{new_id().hex}@bücher.example")
    left, new = person.email, f"{new_id().hex}@{domain}"
    await old_release_writes(people, new, person=person)
    assert (await people.try_password(new, PASSWORD)).status_code == 200
    assert (await people.try_password(left, PASSWORD)).status_code == 400
    # It is free for whoever comes next.
    answer = await client.post(REGISTER, json={"email": left, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    assert (await people.try_password(new, PASSWORD)).status_code == 200


async def test_two_spellings_that_are_two_accounts_are_each_found_by_its_own(
    people: People,
) -> None:
    first = await people.register(f"{new_id().hex}@bücher.example")
    other = await old_release_writes(people, first.email.replace("ü", "u\u0308"))
    await fill_ascii_addresses(people.database)
    async with people.database.transaction() as session:
        for person in (first, other):
            found = await find_by_email(session, person.email)
            assert found is not None and found.id == person.id
        found = await find_by_email(session, ascii_address(first.email))
        assert found is not None and found.id == first.id
    await people.change(other, full_name="Ann")
    assert (await people.row(other)).email_ascii is None


async def test_the_release_before_makes_no_second_account_of_an_ascii_spelling(
    people: People, spellings: Spellings
) -> None:
    await people.register(spellings.shown)
    with pytest.raises(IntegrityError, match="uq_account_email_ascii"):
        await old_release_writes(people, spellings.ascii)


async def test_an_address_that_is_not_taken_any_more_is_found(people: People) -> None:
    for local in ("o’neil", "ﬁn", "josé☃"):
        email = f"{local}{new_id().hex}@bücher.de"
        person = await old_release_writes(people, email)
        spelt = [email, f" {email.replace('bücher', 'BÜCHER')} "]
        for _ in range(2):
            for typed in spelt:
                async with people.database.transaction() as session:
                    found = await find_by_email(session, typed)
                    assert found is not None and found.id == person.id, typed
                assert (await people.try_password(typed, PASSWORD)).status_code == 200
            await fill_ascii_addresses(people.database)
            spelt.append(email.replace("bücher", "xn--bcher-kva"))


async def test_an_address_is_looked_up_by_indexes(people: People) -> None:
    async with people.database.transaction() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        query = select(User).where(has_address("ann@faß.de"))
        compiled = query.compile(
            dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
            compile_kwargs={"literal_binds": True},
        )
        plan = "\n".join((await session.execute(text(f"EXPLAIN {compiled}"))).scalars())
    assert "uq_account_email_ascii" in plan and "Seq Scan" not in plan, plan
    assert "uq_account_email on" in plan or "ix_account_email_unread" in plan, plan


async def test_accounts_that_are_there_get_their_second_form_in_the_migration(
    fresh_database: FreshDatabase, auth_settings: MakeSettings, start_app: StartApp
) -> None:
    settings = auth_settings(database_url=await fresh_database("auth"))
    config = alembic_config("auth_service", settings)
    addresses = {
        "Ann@Example.com": "ann@example.com",
        "user@faß.de": "user@xn--fa-hia.de",
        "пётр@пример.рф": "пётр@xn--e1afmkfd.xn--p1ai",
        # Not taken any more; it is found by what it is.
        "o’neil@example.com": "o’neil@example.com",
        "a@ex_ample.com": "a@ex_ample.com",
    }
    await asyncio.to_thread(alembic.downgrade, config, "f48d4a21f3df")
    before = Database(settings, application_name="test")
    async with before.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO account (id, email, hashed_password, is_active, is_superuser,"
                " is_verified, full_name, locale, created_at, updated_at) SELECT gen_random_uuid(),"
                " email, '', true, false, true, '', 'en', now(), now()"
                " FROM unnest(cast(:emails AS text[])) AS email"
            ),
            {"emails": list(addresses)},
        )
    await before.close()
    await asyncio.to_thread(alembic.upgrade, config, "head")
    async with start_app(database_url=settings.database_url.get_secret_value()) as app:
        async with app.state.database.transaction() as session:
            rows = (await session.exec(select(User))).all()
            assert {row.email: row.email_ascii for row in rows} == addresses
            for email in addresses:
                found = await find_by_email(session, email.upper() if email.isascii() else email)
                assert found is not None and found.credentials_version == 1

"""The first superuser: a command makes the account, and a mail or standard input gives its password."""

import io
import sys
from typing import Any

import pytest
from sqlmodel import select

from auth_service.cli import main
from auth_service.models import User
from service_kit.database.engine import Database
from tests.auth.conftest import MakeSettings
from tests.auth.people import Links, People, Person, new_address
from tests.auth.processes import Command, Done

PASSWORD = "wide river, late train"


@pytest.fixture
def run(command: Command, auth_settings: MakeSettings) -> Any:
    async def make(*arguments: str) -> Done:
        return await command(main, auth_settings(), "superuser", *arguments)

    return make


async def account(database: Database, email: str) -> User | None:
    async with database.transaction() as session:
        return (await session.exec(select(User).where(User.email == email))).one_or_none()


async def test_a_new_superuser_chooses_the_password_by_a_mail(
    run: Any, database: Database, people: People, links: Links
) -> None:
    address = new_address()
    done = await run(address)
    assert (done.returncode, done.stderr) == (0, "")
    assert "gets a mail with a link" in done.stdout
    user = await account(database, address)
    assert user is not None and user.is_superuser and user.is_verified
    person = Person(user.id, address)
    assert len(await people.messages(person, "reset-password")) == 1
    answer = await links.reset(await links.token(person, "reset-password", email=address), PASSWORD)
    assert answer.status_code < 300, answer.text
    assert (await people.try_password(address, PASSWORD)).status_code == 200
    # Once more: nothing is mailed a second time.
    again = await run(address)
    assert again.returncode == 0 and "keeps the password" in again.stdout
    assert len(await people.messages(person, "reset-password")) == 1
    assert {event.actor for event in await people.audit(person)} >= {"command:admin"}


async def test_the_password_may_come_by_standard_input(
    run: Any, people: People, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = new_address()
    monkeypatch.setattr(sys, "stdin", io.StringIO("password123\n"))
    weak = await run(address, "--password-stdin")
    assert weak.returncode == 1 and "commonly used" in weak.stderr
    assert await account(database, address) is None
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    done = await run(address, "--password-stdin")
    assert done.returncode == 0, done.stderr
    user = await account(database, address)
    assert user is not None
    assert not await people.messages(Person(user.id, address), "reset-password")
    assert (await people.try_password(address, PASSWORD)).status_code == 200


async def test_a_strangers_account_is_not_promoted(
    run: Any, people: People, database: Database
) -> None:
    person = await people.register()
    refused = await run(person.email)
    assert refused.returncode == 1 and "not confirmed" in refused.stderr
    # A link that confirms the address would leave the stranger's password.
    assert "choose a new one" in refused.stderr
    assert not (await people.row(person)).is_superuser
    await people.change(person, is_verified=True)
    assert (await run(person.email)).returncode == 0
    assert (await people.row(person)).is_superuser

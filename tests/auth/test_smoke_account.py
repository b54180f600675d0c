"""The account of the smoke test: a command gives a token of it, and nothing else lets anybody in."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from auth_service.cli import main
from auth_service.identity.credentials import NO_PASSWORD
from auth_service.mails.requests import process_mail_requests
from auth_service.smoke_account import NO_MAILBOX
from service_kit.database.engine import Database
from tests.auth.conftest import MakeSettings
from tests.auth.people import API, Links, People, Person, new_address, problem
from tests.auth.processes import Command

Json = dict[str, Any]


@pytest.fixture
async def issue(command: Command, auth_settings: MakeSettings, client: httpx.AsyncClient) -> Any:
    """``await issue(email)``: the profile that belongs to the printed token."""

    async def run(*arguments: str) -> tuple[Person, Json]:
        done = await command(main, auth_settings(), "smoke-account", *arguments)
        assert done.returncode == 0, done.stderr
        token = done.stdout.strip()
        answer = await client.get(f"{API}/users/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
        me: Json = answer.json()
        return Person(UUID(me["id"]), me["email"], access_token=token), me

    return run


async def test_there_is_one_account_whose_address_may_change(issue: Any, people: People) -> None:
    first, me = await issue()
    assert me["email"] == NO_MAILBOX
    assert (me["is_verified"], me["is_superuser"]) == (True, False)
    address = new_address()
    for _ in range(2):
        again, me = await issue(address)
        assert again.id == first.id and me["email"] == address
    trail = await people.audit(first)
    # Failed sign-ins, of other tests too, have no actor.
    assert {event.actor for event in trail if event.actor} == {"command:admin"}
    assert [event.action for event in trail][-3:] == ["sign-in.succeeded"] * 3


async def test_its_session_ends_with_the_token(
    issue: Any, people: People, auth_settings: MakeSettings
) -> None:
    person, _ = await issue()
    session = max(await people.live_sessions(person), key=lambda found: found.id)
    lifetime = timedelta(seconds=auth_settings().access_token_seconds)
    assert session.expires_at - session.created_at == lifetime


async def test_nobody_signs_in_or_chooses_a_password(
    issue: Any, people: People, client: httpx.AsyncClient, database: Database, links: Links
) -> None:
    address = new_address()
    person, _ = await issue(address)
    for password in (NO_PASSWORD, "another horse battery"):
        assert problem(await people.try_password(address, password)) == (400, "bad-credentials")
    mails = len(await people.messages(person))
    await client.post(f"{API}/auth/forgot-password", json={"email": address})
    while await process_mail_requests(database, coalesce=timedelta(0)):
        pass
    assert len(await people.messages(person)) == mails
    refused = await links.ask(person, "reset-password", email=address)
    assert refused.status_code == 409, refused.text
    change = {"password": "another horse battery", "current_password": NO_PASSWORD}
    answer = await client.patch(f"{API}/users/me", json=change, headers=person.headers)
    assert problem(answer) == (400, "bad-credentials")
    # The control: of another account the same mail goes out.
    other = await people.register()
    await client.post(f"{API}/auth/forgot-password", json={"email": other.email})
    while await process_mail_requests(database, coalesce=timedelta(0)):
        pass
    assert await people.messages(other, "reset-password")


async def test_somebodys_account_is_not_taken(
    command: Command, auth_settings: MakeSettings, people: People
) -> None:
    person = await people.register()
    for address, says in ((person.email, "is somebody's account"), ("x", "is not an e-mail")):
        done = await command(main, auth_settings(), "smoke-account", address)
        assert done.returncode == 1 and done.stdout == ""
        assert says in done.stderr and done.stderr.count("\n") == 1


async def test_a_deactivated_one_stays_so(
    issue: Any, command: Command, people: People, auth_settings: MakeSettings
) -> None:
    person, _ = await issue()
    await people.change(person, is_active=False)
    try:
        done = await command(main, auth_settings(), "smoke-account")
        assert done.returncode == 1 and "deactivated" in done.stderr
    finally:
        await people.change(person, is_active=True)

"""Asking for a verification or reset mail: one mail, one answer, one time for all."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlmodel import select

from auth_service.identity.queries import find_by_email
from auth_service.mails import messages
from auth_service.mails.requests import process_mail_requests
from auth_service.models import MailRequest
from service_kit.clock import utc_now
from service_kit.database.engine import Database
from tests.auth.conftest import MakeSettings, StartApp, client_of
from tests.auth.people import API, People, UserFactory, new_address
from tests.auth.timing import BATCHES, Attempt, measure, take_as_long

FIVE_MINUTES = timedelta(minutes=5)


async def ask(client: httpx.AsyncClient, path: str, email: str) -> httpx.Response:
    return await client.post(f"{API}/auth/{path}", json={"email": email})


async def relay(database: Database, coalesce: timedelta = FIVE_MINUTES) -> None:
    while await process_mail_requests(database, coalesce=coalesce):
        pass


async def test_twenty_requests_make_one_mail(client: httpx.AsyncClient, people: People) -> None:
    person = await people.register()
    for n in range(20):
        answer = await ask(client, "forgot-password", person.email.upper())
        assert answer.status_code == 202
        if n % 3 == 0:
            await relay(people.database)
    await relay(people.database)
    (message,) = await people.messages(person, "reset-password")
    assert message.message["data"] == {}
    assert message.message["topic"] == "user.password-reset-requested.v1"


async def test_without_the_pause_they_would_make_several(
    client: httpx.AsyncClient, people: People
) -> None:
    """The control of the test above."""
    person = await people.register()
    for _ in range(3):
        await ask(client, "forgot-password", person.email)
        await relay(people.database, timedelta(0))
    keys = {m.message["dedup_key"] for m in await people.messages(person, "reset-password")}
    assert len(keys) == 3


async def test_a_while_later_another_mail_goes_out(
    client: httpx.AsyncClient, people: People
) -> None:
    person = await people.register()
    await ask(client, "request-verify-token", person.email)
    await relay(people.database)
    assert len(await people.messages(person, "verify-email")) == 1
    await people.change(person, verification_mail_at=utc_now() - FIVE_MINUTES)
    await ask(client, "request-verify-token", person.email)
    await relay(people.database)
    assert len(await people.messages(person, "verify-email")) == 2


async def test_a_minute_after_registration_another_verification_mail_goes_out(
    client: httpx.AsyncClient, people: People, auth_settings: MakeSettings
) -> None:
    coalesce = timedelta(seconds=auth_settings().mail_coalesce_seconds)
    assert coalesce == timedelta(seconds=60)
    person = await people.register()
    for seconds, mails in ((0, 1), (58, 1), (60, 2), (0, 2), (60, 3)):
        row = await people.row(person)
        assert row.verification_mail_at is not None
        await people.change(
            person, verification_mail_at=row.verification_mail_at - timedelta(seconds=seconds)
        )
        await ask(client, "request-verify-token", person.email)
        await relay(people.database, coalesce)
        assert len(await people.messages(person, "verify-email")) == mails
        await people.change(person, verification_mail_at=utc_now())


async def test_nobody_is_written_to_in_vain(client: httpx.AsyncClient, people: People) -> None:
    verified, inactive = await people.register(), await people.register()
    long_ago = utc_now() - timedelta(days=1)
    await people.change(verified, is_verified=True, verification_mail_at=long_ago)
    await people.change(inactive, is_active=False, verification_mail_at=long_ago)
    for person in (verified, inactive):
        await ask(client, "request-verify-token", person.email)
    await ask(client, "forgot-password", inactive.email)
    await relay(people.database)
    assert len(await people.messages(verified)) == len(await people.messages(inactive)) == 1


async def test_a_pending_address_is_asked_again(client: httpx.AsyncClient, people: People) -> None:
    person = await people.register()
    await people.change(
        person, is_verified=True, pending_email=new_address(), verification_mail_at=None
    )
    await ask(client, "request-verify-token", person.email)
    await relay(people.database)
    message = (await people.messages(person, "verify-email"))[-1]
    assert message.message["data"] == {"address": "pending"}


@pytest.mark.parametrize("path", ["forgot-password", "request-verify-token"])
async def test_the_answer_does_not_say_whether_there_is_an_account(
    client: httpx.AsyncClient, people: People, path: str
) -> None:
    person = await people.register()
    known, unknown = await ask(client, path, person.email), await ask(client, path, new_address())
    assert known.status_code == unknown.status_code == 202
    assert known.content == unknown.content == b"null"
    await relay(people.database)
    async with people.database.transaction() as session:
        assert not (await session.exec(select(MailRequest))).all()


async def test_two_relays_do_not_send_twice(client: httpx.AsyncClient, people: People) -> None:
    everybody = [await people.register() for _ in range(10)]
    for person in everybody:
        await ask(client, "forgot-password", person.email)
    await asyncio.gather(*(relay(people.database) for _ in range(4)))
    for person in everybody:
        assert len(await people.messages(person, "reset-password")) == 1


@pytest.fixture
async def quick(start_app: StartApp) -> AsyncIterator[httpx.AsyncClient]:
    async with start_app(log_level="ERROR") as app, client_of(app) as found:
        yield found


def fresh_addresses(
    client: httpx.AsyncClient, path: str, known: list[str]
) -> tuple[Attempt, Attempt]:
    """Asking for a mail to somebody and to nobody; to each address once."""
    left = itertools.cycle(known)
    return (
        lambda: ask(client, path, next(left)),
        lambda: ask(client, path, new_address()),
    )


async def many(database: Database, count: int) -> list[str]:
    users = [UserFactory.build() for _ in range(count)]
    addresses = [user.email for user in users]
    async with database.transaction() as session:
        session.add_all(users)
    return addresses


@pytest.mark.alone
@pytest.mark.parametrize("path", ["forgot-password", "request-verify-token"])
async def test_the_time_does_not_say_whether_there_is_an_account(
    quick: httpx.AsyncClient, database: Database, path: str
) -> None:
    known = await many(database, 300)
    assert await take_as_long(*fresh_addresses(quick, path, known))


async def test_control_a_look_up_in_the_request_shows_in_its_time(
    quick: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above: what a service does that sends its mail right away."""

    async def send_at_once(session: Any, kind: str, email: str, *, client_info: Any) -> None:
        user = await find_by_email(session, email)
        if user:
            user.reset_mail_at = utc_now()
            session.add(messages.reset_mail(user.id, now=utc_now()))

    monkeypatch.setattr("auth_service.accounts.router.request_mail", send_at_once)
    ratios = []
    for _ in range(BATCHES):
        known = await many(database, 50)
        first, second = await measure(*fresh_addresses(quick, "forgot-password", known))
        ratios.append(first / second)
        if ratios[-1] > 1.2:
            return
    raise AssertionError(ratios)

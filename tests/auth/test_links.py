"""Verifying an address and resetting a password: the mails, and the tokens in their links."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from auth_service.accounts import manager as manager_module
from auth_service.mails.links import address_to_verify, reset_link, verification_link
from auth_service.models import User
from auth_service.problems import AddressChanged, LinkNotNeeded
from service_kit.clock import utc_now
from service_kit.ids import new_id
from tests.auth.conftest import MakeSettings
from tests.auth.people import (
    API,
    NEW_PASSWORD,
    PASSWORD,
    Links,
    People,
    Person,
    new_address,
    problem,
)


async def test_a_verification_link_works_once(people: People, links: Links) -> None:
    person = await people.register()
    token = await links.token(person, "verify-email")
    answer = await links.verify(token)
    assert answer.status_code == 200
    assert answer.json()["is_verified"] is True and answer.json()["id"] == str(person.id)
    assert problem(await links.verify(token)) == (400, "already-verified")
    assert "email.verified" in await people.actions(person)
    assert problem(await links.ask(person, "verify-email")) == (409, "link-not-needed")


async def test_a_reset_link_works_once_and_ends_every_session(
    client: httpx.AsyncClient, people: People, links: Links
) -> None:
    person = await people.sign_in()
    elsewhere = await people.sign_in(person)
    token, spare = [await links.token(person, "reset-password") for _ in range(2)]
    answer = await links.reset(token)
    assert answer.status_code == 200
    for again in (token, spare):
        assert problem(await links.reset(again, "yet another battery")) == (400, "bad-token")
    for session in (person, elsewhere):
        assert (await client.get(f"{API}/users/me", headers=session.headers)).status_code == 401
        refreshed = await client.post(
            f"{API}/auth/refresh", json={"refresh_token": session.refresh_token}
        )
        assert problem(refreshed) == (401, "refresh-invalid")
    assert (await people.try_password(person.email, PASSWORD)).status_code == 400
    assert (await people.try_password(person.email, NEW_PASSWORD)).status_code == 200
    assert "password.reset" in await people.actions(person)


async def resets_at_once(people: People, links: Links) -> list[int]:
    person = await people.register()
    token = await links.token(person, "reset-password")
    answers = await asyncio.gather(
        *(links.reset(token, f"password of thief {n}") for n in range(8))
    )
    return sorted(answer.status_code for answer in answers)


async def test_of_eight_resets_at_once_one_counts(people: People, links: Links) -> None:
    assert await resets_at_once(people, links) == [200] + [400] * 7


@pytest.mark.by_chance
async def test_without_the_lock_several_would(
    people: People, links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""

    async def unlocked(session: Any, user_id: Any) -> User | None:
        found: User | None = await session.get(User, user_id)
        # Time for the others to read the same.
        await asyncio.sleep(0.05)
        return found

    monkeypatch.setattr(manager_module, "lock_user", unlocked)
    assert (await resets_at_once(people, links)).count(200) > 1


async def test_a_weak_new_password_is_refused_and_spends_nothing(
    people: People, links: Links
) -> None:
    person = await people.register()
    token = await links.token(person, "reset-password")
    for weak in ("short", "password1234", person.email, "x" * 129):
        answer = await links.reset(token, weak)
        assert problem(answer) == (422, "invalid-request")
        assert answer.json()["errors"][0]["field"] == "password"
    assert (await links.reset(token)).status_code == 200


async def test_a_reset_link_ends_with_the_password_and_with_the_address(
    people: People, links: Links
) -> None:
    for change in ({"email": new_address()}, {"hashed_password": "$argon2id$another"}):
        person = await people.register()
        token = await links.token(person, "reset-password")
        await people.change(person, **change)
        assert problem(await links.reset(token)) == (400, "bad-token")


async def test_a_link_is_for_one_person_and_one_purpose(
    people: People, links: Links, auth_settings: MakeSettings
) -> None:
    person = await people.register()
    settings, now = auth_settings(), utc_now()
    row = await people.row(person)
    verify = await links.token(person, "verify-email")
    reset = await links.token(person, "reset-password")
    assert problem(await links.verify(reset)) == (400, "bad-token")
    assert problem(await links.reset(verify)) == (400, "bad-token")
    stranger = User(**{**row.model_dump(), "id": new_id()})
    secrets = (settings.verification_token_secret, settings.reset_password_token_secret)
    minute = timedelta(minutes=1)
    for_stranger = verification_link(
        stranger, row.email, secret=secrets[0], lifetime=minute, now=now
    )
    assert problem(await links.verify(for_stranger.token)) == (400, "bad-token")
    for_stranger = reset_link(stranger, secret=secrets[1], lifetime=minute, now=now)
    assert problem(await links.reset(for_stranger.token)) == (400, "bad-token")
    await people.change(person, email=new_address())
    assert problem(await links.verify(verify)) == (400, "bad-token")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "\x00", "x" * 4096])
async def test_nonsense_is_no_link(links: Links, token: str) -> None:
    assert problem(await links.verify(token)) == (400, "bad-token")
    assert problem(await links.reset(token)) == (400, "bad-token")


async def test_links_end(people: People, auth_settings: MakeSettings, links: Links) -> None:
    person = await people.register()
    row, settings = await people.row(person), auth_settings()
    ended = timedelta(seconds=-60)
    verify = verification_link(
        row, row.email, secret=settings.verification_token_secret, lifetime=ended, now=utc_now()
    )
    assert problem(await links.verify(verify.token)) == (400, "bad-token")
    reset = reset_link(
        row, secret=settings.reset_password_token_secret, lifetime=ended, now=utc_now()
    )
    assert problem(await links.reset(reset.token)) == (400, "bad-token")


@pytest.mark.parametrize(("kind", "lifetime"), [("verify-email", 86_400), ("reset-password", 900)])
async def test_the_answer_says_when_a_link_ends(
    people: People, links: Links, kind: str, lifetime: int
) -> None:
    answer = await links.ask(await people.register(), kind)
    ends = datetime.fromisoformat(answer.json()["expires_at"])
    assert (ends - utc_now()).total_seconds() == pytest.approx(lifetime, abs=10)
    assert set(answer.json()) == {"token", "expires_at"}


async def test_only_a_service_with_the_scope_gets_links_and_contacts(
    auth_app: FastAPI, client: httpx.AsyncClient, people: People
) -> None:
    person = await people.superuser()
    body = {"user_id": str(person.id), "kind": "reset-password"}
    other = await auth_app.state.token_issuer.for_service("event-service", "notifications:send")
    for headers, expected in (
        ({}, (401, "not-authenticated")),
        (person.headers, (403, "forbidden")),
        ({"Authorization": f"Bearer {other}"}, (403, "forbidden")),
    ):
        link = await client.post(f"{API}/auth/links", headers=headers, json=body)
        contact = await client.get(f"{API}/users/{person.id}/contact", headers=headers)
        assert problem(link) == problem(contact) == expected


async def test_unknown_people_have_no_links_and_no_contact(
    client: httpx.AsyncClient, links: Links
) -> None:
    nobody = Person(new_id(), "")
    assert problem(await links.ask(nobody, "verify-email")) == (404, "not-found")
    contact = await client.get(f"{API}/users/{nobody.id}/contact", headers=links.headers)
    assert problem(contact) == (404, "not-found")
    assert problem(await links.ask(nobody, "other-kind")) == (422, "invalid-request")


async def test_a_contact_says_how_to_write_to_somebody(
    client: httpx.AsyncClient, people: People, links: Links
) -> None:
    person = await people.register(full_name="Ann Lee", locale="ru")
    answer = await client.get(f"{API}/users/{person.id}/contact", headers=links.headers)
    assert answer.json() == {
        "id": str(person.id), "email": person.email, "pending_email": None,
        "full_name": "Ann Lee", "locale": "ru", "is_active": True, "is_verified": False,
    }  # fmt: skip


async def test_several_contacts_are_had_at_once(
    client: httpx.AsyncClient, people: People, links: Links
) -> None:
    asked = [await people.superuser(), await people.register()]
    ids = [str(person.id) for person in asked] + [str(new_id())]

    answer = await client.post(f"{API}/users/contacts", headers=links.headers, json={"ids": ids})
    refused = await client.post(
        f"{API}/users/contacts", headers=asked[0].headers, json={"ids": ids}
    )
    too_many = await client.post(
        f"{API}/users/contacts", headers=links.headers, json={"ids": ids * 50}
    )

    found = {contact["id"]: contact["email"] for contact in answer.json()["contacts"]}
    assert found == {str(person.id): person.email for person in asked}
    assert problem(refused) == (403, "forbidden")
    assert problem(too_many) == (422, "invalid-request")


OLD, NEW, OTHER = "old@example.com", "new@example.com", "other@example.com"


@pytest.mark.parametrize(
    ("is_verified", "pending", "recipient", "expected"),
    [
        (False, None, None, OLD),
        (False, None, OLD, OLD),
        (False, None, OTHER, AddressChanged),
        (True, None, None, LinkNotNeeded),
        (True, None, OLD, LinkNotNeeded),
        (True, NEW, None, NEW),
        (True, NEW, NEW, NEW),
        # A mail on its way to the old address must not hold what proves the new one.
        (True, NEW, OLD, LinkNotNeeded),
        (True, NEW, OTHER, AddressChanged),
        (False, NEW, None, AddressChanged),
        (False, NEW, OLD, OLD),
        (False, NEW, NEW, NEW),
    ],
)
def test_a_token_proves_the_address_that_its_mail_goes_to(
    is_verified: bool, pending: str | None, recipient: str | None, expected: Any
) -> None:
    user = User(email=OLD, hashed_password="", is_verified=is_verified, pending_email=pending)
    if isinstance(expected, str):
        assert address_to_verify(user, recipient) == expected
    else:
        with pytest.raises(expected):
            address_to_verify(user, recipient)

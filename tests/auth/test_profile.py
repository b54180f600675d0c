"""One's own account: names, password, address, erasure."""

from typing import Any

import httpx
import pytest

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

ME = f"{API}/users/me"


@pytest.fixture
async def person(people: People) -> Person:
    return await people.sign_in()


async def change(client: httpx.AsyncClient, person: Person, **body: Any) -> httpx.Response:
    return await client.patch(ME, headers=person.headers, json=body)


async def test_shows_ones_own_account(client: httpx.AsyncClient, person: Person) -> None:
    answer = await client.get(ME, headers=person.headers)
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["id"] == str(person.id) and body["email"] == person.email
    assert body["created_at"].endswith("Z") and body["pending_email"] is None
    assert not {"hashed_password", "password"} & set(body)


async def test_names_and_language_change_without_a_password(
    client: httpx.AsyncClient, person: Person
) -> None:
    answer = await change(client, person, full_name="Новое имя", locale="ru")
    assert answer.status_code == 200
    assert (answer.json()["full_name"], answer.json()["locale"]) == ("Новое имя", "ru")
    assert (await change(client, person)).json()["full_name"] == "Новое имя"


async def test_nobody_gives_themselves_rights(
    client: httpx.AsyncClient, people: People, person: Person
) -> None:
    answer = await change(
        client, person, is_superuser=True, is_verified=True, is_active=False, id="x",
        hashed_password="x", pending_email="x@example.com", created_at="2000-01-01T00:00:00Z",
    )  # fmt: skip
    assert answer.status_code == 200
    row = await people.row(person)
    assert (row.is_superuser, row.is_verified, row.is_active) == (False, False, True)
    assert row.id == person.id and row.pending_email is None


@pytest.mark.parametrize(
    "body",
    [
        {"email": None}, {"password": None}, {"full_name": None}, {"locale": None}, {"locale": "de"},
        {"full_name": "x" * 201}, {"full_name": "a\nb"}, {"full_name": 7}, {"email": "x"},
        {"full_name": {"$ne": 1}},
    ],
)  # fmt: skip
async def test_refuses_what_does_not_fit(
    client: httpx.AsyncClient, person: Person, body: dict[str, Any]
) -> None:
    answer = await change(client, person, **body)
    assert problem(answer) == (422, "invalid-request")
    assert answer.json()["errors"][0]["field"] == next(iter(body))


@pytest.mark.parametrize("body", [{"password": NEW_PASSWORD}, {"email": "somebody@example.com"}])
async def test_password_and_address_ask_for_the_current_password(
    client: httpx.AsyncClient, people: People, person: Person, body: dict[str, str]
) -> None:
    for current in ({}, {"current_password": ""}, {"current_password": "not the password"}):
        answer = await change(client, person, **body, **current)
        assert problem(answer) == (400, "bad-credentials")
    row = await people.row(person)
    assert row.pending_email is None
    assert (await people.try_password(person.email, PASSWORD)).status_code == 200


async def others_are_signed_out(client: httpx.AsyncClient, people: People) -> bool:
    person = await people.sign_in()
    elsewhere = await people.sign_in(person)
    answer = await change(client, person, password=NEW_PASSWORD, current_password=PASSWORD)
    assert answer.status_code == 200
    assert (await client.get(ME, headers=person.headers)).status_code == 200
    refreshed = await client.post(
        f"{API}/auth/refresh", json={"refresh_token": elsewhere.refresh_token}
    )
    there = await client.get(ME, headers=elsewhere.headers)
    assert (await people.try_password(person.email, PASSWORD)).status_code == 400
    assert (await people.try_password(person.email, NEW_PASSWORD)).status_code == 200
    assert "password.changed" in await people.actions(person)
    return (there.status_code, refreshed.status_code) == (401, 401)


async def test_a_new_password_ends_the_other_sessions(
    client: httpx.AsyncClient, people: People
) -> None:
    assert await others_are_signed_out(client, people)


async def test_without_the_revocation_they_would_stay(
    client: httpx.AsyncClient, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""

    async def nothing(*_: object, **__: object) -> None:
        pass

    monkeypatch.setattr("auth_service.accounts.profile.revoke_all", nothing)
    assert not await others_are_signed_out(client, people)


async def test_a_weak_new_password_is_refused(client: httpx.AsyncClient, person: Person) -> None:
    for weak in ("password1234", person.email, "short"):
        answer = await change(client, person, password=weak, current_password=PASSWORD)
        assert problem(answer) == (422, "invalid-request")
        assert answer.json()["errors"][0]["field"] == "password"


async def test_a_new_address_counts_once_its_owner_confirms_it(
    client: httpx.AsyncClient, people: People, links: Links
) -> None:
    person, new = await people.sign_in(is_verified=True), new_address()
    answer = await change(client, person, email=new.upper(), current_password=PASSWORD)
    assert answer.status_code == 200
    assert (answer.json()["email"], answer.json()["pending_email"]) == (person.email, new)
    assert answer.json()["is_verified"] is True
    _, mail, notice = await people.messages(person)
    assert (mail.message["kind"], mail.message["data"]) == ("verify-email", {"address": "pending"})
    assert (notice.message["kind"], notice.message["data"]) == ("email-change-notice", {})
    contact = await client.get(f"{API}/users/{person.id}/contact", headers=links.headers)
    assert contact.json()["pending_email"] == new
    token = await links.token(person, "verify-email", email=new)
    done = await links.verify(token)
    assert done.status_code == 200
    assert (done.json()["email"], done.json()["pending_email"]) == (new, None)
    assert problem(await links.verify(token)) == (400, "already-verified")
    assert (await people.try_password(new, PASSWORD)).status_code == 200
    assert (await people.try_password(person.email, PASSWORD)).status_code == 400
    assert (await people.actions(person))[-3:] == [
        "email.change-asked", "email.changed", "sign-in.succeeded",
    ]  # fmt: skip


async def test_a_taken_address_is_refused_when_asked_and_when_confirmed(
    client: httpx.AsyncClient, people: People, person: Person, links: Links
) -> None:
    other = await people.register()
    answer = await change(client, person, email=other.email, current_password=PASSWORD)
    assert problem(answer) == (409, "email-taken")
    await people.change(person, is_verified=True)
    wanted = new_address()
    await change(client, person, email=wanted, current_password=PASSWORD)
    token = await links.token(person, "verify-email")
    await people.register(wanted)
    assert problem(await links.verify(token)) == (409, "email-taken")
    assert (await people.row(person)).email == person.email


async def test_the_old_address_taken_back_ends_the_change(
    client: httpx.AsyncClient, people: People, person: Person, links: Links
) -> None:
    await people.change(person, is_verified=True)
    await change(client, person, email=new_address(), current_password=PASSWORD)
    token = await links.token(person, "verify-email")
    await change(client, person, email=person.email, current_password=PASSWORD)
    assert (await people.row(person)).pending_email is None
    assert problem(await links.verify(token)) == (400, "bad-token")


async def test_addresses_of_others_cannot_be_flooded_with_mails(
    client: httpx.AsyncClient, people: People, person: Person
) -> None:
    statuses = []
    for _ in range(7):
        answer = await change(client, person, email=new_address(), current_password=PASSWORD)
        statuses.append(answer.status_code)
    assert statuses == [200] * 5 + [429] * 2
    assert int(answer.headers["retry-after"]) > 3000
    assert len(await people.messages(person, "email-change-notice")) == 5


async def test_an_unverified_account_may_correct_its_address(
    client: httpx.AsyncClient, people: People, person: Person, links: Links
) -> None:
    new = new_address()
    await change(client, person, email=new, current_password=PASSWORD)
    # Two addresses are open: only one that the mail goes to can be proved by it.
    assert problem(await links.ask(person, "verify-email")) == (409, "address-changed")
    token = await links.token(person, "verify-email", email=new)
    assert (await links.verify(token)).json()["email"] == new
    row = await people.row(person)
    assert row.is_verified


async def erase(client: httpx.AsyncClient, person: Person, **body: Any) -> httpx.Response:
    return await client.request("DELETE", ME, headers=person.headers, json=body)


async def test_erasing_asks_for_the_current_password(
    client: httpx.AsyncClient, people: People, person: Person
) -> None:
    assert problem(await erase(client, person)) == (400, "bad-credentials")
    assert problem(await client.delete(ME, headers=person.headers)) == (400, "bad-credentials")
    wrong = await erase(client, person, current_password="not the password")
    assert problem(wrong) == (400, "bad-credentials")
    assert await people.find(person)


async def test_erasing_deletes_the_account_and_notifies_the_other_services(
    client: httpx.AsyncClient, people: People, links: Links
) -> None:
    person = await people.sign_in(await people.register(full_name="Ann Lee"))
    answer = await erase(client, person, current_password=PASSWORD)
    assert answer.status_code == 204
    assert await people.find(person) is None
    assert not await people.live_sessions(person)
    assert problem(await client.get(ME, headers=person.headers))[0] == 401
    assert problem(await people.try_password(person.email, PASSWORD)) == (400, "bad-credentials")
    contact = await client.get(f"{API}/users/{person.id}/contact", headers=links.headers)
    assert problem(contact) == (404, "not-found")
    told = (await people.messages(person))[-1]
    assert (told.task, told.topic) == ("notifications.erase_user", "user.erased.v1")
    assert set(told.message) == {"id", "topic", "user_id", "occurred_at"}
    assert told.message["id"] == str(told.id)
    trail = await people.audit(person)
    assert trail[-1].action == "account.erased"
    # What happened stays, without where from; bookings elsewhere keep the id alone.
    assert {(event.address, event.user_agent) for event in trail} == {("", "")}
    # The address is free again.
    assert (await people.register(person.email)).id != person.id


async def test_a_link_of_an_erased_account_is_dead(
    client: httpx.AsyncClient, people: People, person: Person, links: Links
) -> None:
    verify = await links.token(person, "verify-email")
    reset = await links.token(person, "reset-password")
    await erase(client, person, current_password=PASSWORD)
    assert problem(await links.verify(verify)) == (400, "bad-token")
    assert problem(await links.reset(reset)) == (400, "bad-token")


async def test_everything_of_ones_own_asks_for_a_token(client: httpx.AsyncClient) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        # 401 comes before 422.
        answer = await client.request(
            method, ME, content=b"{", headers={"Content-Type": "application/json"}
        )
        assert problem(answer) == (401, "not-authenticated")

"""What superusers may do, the audit trail, and the commands of operators."""

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from auth_service.cli import main
from service_kit.database.engine import Database
from service_kit.ids import new_id
from tests.auth.conftest import MakeSettings
from tests.auth.people import API, PASSWORD, People, Person, problem
from tests.auth.processes import Command

USERS = f"{API}/users"


@pytest.fixture
async def admin(people: People) -> Person:
    return await people.superuser()


@pytest.fixture
async def person(people: People) -> Person:
    return await people.sign_in()


async def test_only_superusers_see_accounts(
    client: httpx.AsyncClient, admin: Person, person: Person
) -> None:
    for path in ("", f"/{person.id}", f"/{new_id()}", f"/{person.id}/audit-events"):
        assert problem(await client.get(USERS + path)) == (401, "not-authenticated")
        refused = await client.get(USERS + path, headers=person.headers)
        assert problem(refused) == (403, "forbidden")
    for method in ("PATCH", "DELETE"):
        url = f"{USERS}/{admin.id}"
        refused = await client.request(method, url, headers=person.headers, json={})
        assert problem(refused) == (403, "forbidden")


async def test_the_list_has_pages_without_repeats(
    client: httpx.AsyncClient, people: People, admin: Person
) -> None:
    expected = [str((await people.register()).id) for _ in range(7)][::-1]
    seen: list[str] = []
    cursor = None
    while len(seen) < 7:
        query = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        page = (await client.get(USERS, params=query, headers=admin.headers)).json()
        seen += [item["id"] for item in page["items"]]
        # Somebody comes meanwhile.
        await people.register()
        cursor = page["next_cursor"]
    assert seen[:7] == expected


async def test_the_list_finds_an_address_in_any_case(
    client: httpx.AsyncClient, admin: Person, person: Person
) -> None:
    found = await client.get(USERS, params={"email": person.email.upper()}, headers=admin.headers)
    assert [item["id"] for item in found.json()["items"]] == [str(person.id)]
    for odd in ("' OR 1=1 --", "%", "x" * 254):
        found = await client.get(USERS, params={"email": odd}, headers=admin.headers)
        assert found.json()["items"] == []
    nul = await client.get(USERS, params={"email": "\x00"}, headers=admin.headers)
    assert problem(nul) == (422, "invalid-request")


async def test_one_account(client: httpx.AsyncClient, admin: Person, person: Person) -> None:
    answer = await client.get(f"{USERS}/{person.id}", headers=admin.headers)
    assert answer.json()["email"] == person.email
    unknown = await client.get(f"{USERS}/{new_id()}", headers=admin.headers)
    assert problem(unknown) == (404, "not-found")
    nonsense = await client.get(f"{USERS}/nonsense", headers=admin.headers)
    assert problem(nonsense) == (422, "invalid-request")


async def test_deactivating_signs_somebody_out(
    client: httpx.AsyncClient, people: People, admin: Person, person: Person
) -> None:
    answer = await client.patch(
        f"{USERS}/{person.id}", headers=admin.headers, json={"is_active": False}
    )
    assert answer.json()["is_active"] is False
    assert (await client.get(f"{API}/users/me", headers=person.headers)).status_code == 401
    assert not await people.live_sessions(person)
    # Coming back does not bring the sessions back.
    await client.patch(f"{USERS}/{person.id}", headers=admin.headers, json={"is_active": True})
    assert (await client.get(f"{API}/users/me", headers=person.headers)).status_code == 401


async def test_a_change_of_role_is_in_the_trail(
    client: httpx.AsyncClient, people: People, admin: Person, person: Person
) -> None:
    url = f"{USERS}/{person.id}"
    for body in ({"is_superuser": True}, {"is_superuser": True}, {"full_name": "Secret Name"}):
        assert (await client.patch(url, headers=admin.headers, json=body)).status_code == 200
    trail = await client.get(f"{url}/audit-events", headers=admin.headers)
    items = trail.json()["items"]
    assert [item["action"] for item in items] == [
        "account.changed-by-admin", "account.role-changed", "sign-in.succeeded",
        "account.registered",
    ]  # fmt: skip
    assert items[1]["details"] == {"is_superuser": True}
    assert items[1]["actor"] == str(admin.id)
    assert "Secret Name" not in trail.text and person.email not in trail.text
    page = await client.get(f"{url}/audit-events?limit=1", headers=admin.headers)
    assert page.json()["items"] == items[:1] and page.json()["next_cursor"]


async def test_nobody_takes_their_own_rights(
    client: httpx.AsyncClient, people: People, admin: Person
) -> None:
    url = f"{USERS}/{admin.id}"
    for body in ({"is_superuser": False}, {"is_active": False}):
        answer = await client.patch(url, headers=admin.headers, json=body)
        assert problem(answer) == (403, "forbidden")
    assert problem(await client.delete(url, headers=admin.headers)) == (403, "forbidden")
    assert (await people.row(admin)).is_superuser


@pytest.mark.parametrize(
    "body",
    [
        {"is_active": None}, {"is_active": 0}, {"is_superuser": "perhaps"}, {"is_verified": "yes"},
        {"locale": "xx"}, {"full_name": "a\x00"},
    ],
)  # fmt: skip
async def test_refuses_what_does_not_fit(
    client: httpx.AsyncClient, admin: Person, person: Person, body: dict[str, Any]
) -> None:
    answer = await client.patch(f"{USERS}/{person.id}", headers=admin.headers, json=body)
    assert problem(answer) == (422, "invalid-request")


async def test_address_and_password_are_not_for_administrators(
    client: httpx.AsyncClient, people: People, admin: Person, person: Person
) -> None:
    body = {"email": "x@example.com", "password": "admin horse battery", "hashed_password": "x"}
    await client.patch(f"{USERS}/{person.id}", headers=admin.headers, json=body)
    assert (await people.row(person)).email == person.email
    assert (await people.try_password(person.email, PASSWORD)).status_code == 200


async def test_erasing_somebody(
    client: httpx.AsyncClient, people: People, admin: Person, person: Person
) -> None:
    url = f"{USERS}/{person.id}"
    assert (await client.delete(url, headers=admin.headers)).status_code == 204
    assert problem(await client.delete(url, headers=admin.headers)) == (404, "not-found")
    assert await people.find(person) is None
    assert (await people.messages(person))[-1].topic == "user.erased.v1"
    last = (await people.audit(person))[-1]
    assert (last.action, last.actor) == ("account.erased", str(admin.id))


async def test_the_command_promotes(
    command: Command,
    client: httpx.AsyncClient,
    people: People,
    person: Person,
    auth_settings: MakeSettings,
) -> None:
    done = await command(main, auth_settings(), "promote", f" {person.email.upper()}")
    assert (done.returncode, done.stdout) == (0, f"{person.email} is a superuser\n")
    # auth-service looks at the account: the token at hand is good for it at once.
    assert (await client.get(USERS, headers=person.headers)).status_code == 200
    last = (await people.audit(person))[-1]
    assert (last.action, last.actor) == ("account.role-changed", "command:admin")


async def test_the_command_confirms_addresses_and_lets_out_what_waited(
    command: Command, people: People, database: Database, auth_settings: MakeSettings
) -> None:
    one, other = await people.register(), await people.register()
    refused = await command(main, auth_settings(), "verify", one.email, "nobody@example.com")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "nobody@example.com" in refused.stderr
    assert not (await people.row(one)).is_verified, "all of them or none"

    for _ in range(2):
        done = await command(main, auth_settings(), "verify", one.email.upper(), other.email)
        assert done.returncode == 0

    for person in (one, other):
        assert (await people.row(person)).is_verified
        last = (await people.audit(person))[-1]
        assert (last.action, last.actor) == ("email.verified", "command:admin")
        async with database.transaction() as session:
            found = await session.execute(
                text(
                    "SELECT count(*) FROM outbox WHERE topic = :topic AND message->>'user_id' = :id"
                ),
                {"topic": "user.address-confirmed.v1", "id": str(person.id)},
            )
        assert found.scalar_one() == 1


async def test_the_command_makes_clients_and_second_secrets(
    command: Command, client: httpx.AsyncClient, auth_settings: MakeSettings
) -> None:
    async def ask(secret: str) -> int:
        answer = await client.post(
            f"{API}/auth/token",
            data={"grant_type": "client_credentials"},
            auth=(name, secret),
        )
        return answer.status_code

    name = f"t{new_id().hex[:20]}"
    secrets = []
    for _ in range(3):
        done = await command(main, auth_settings(), "service-client", name, "users:contact")
        made = json.loads(done.stdout)
        assert set(made) == {"client_id", "client_secret"} and made["client_id"] == name
        secrets.append(made["client_secret"])
        assert await ask(secrets[-1]) == 200
    # Two are valid at once.
    assert [await ask(secret) for secret in secrets] == [401, 200, 200]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("promote", "nobody@example.com"), "admin: nobody has registered with this address\n"),
        (("verify", "nobody@example.com"), "admin: nobody has registered with nobody@example.com"),
        (("service-client", "x y", "users:contact"), "admin: a client's name has"),
        (
            ("service-client", "name", "users:delete"),
            "admin: no such scope: users:delete; there are",
        ),
    ],
)
async def test_a_command_that_fails_says_why_in_one_line(
    command: Command, auth_settings: MakeSettings, arguments: tuple[str, ...], says: str
) -> None:
    done = await command(main, auth_settings(), *arguments)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(says) and done.stderr.count("\n") == 1


async def test_without_a_database_it_says_so(command: Command, auth_settings: MakeSettings) -> None:
    away = auth_settings(database_url="postgresql+asyncpg://u@127.0.0.1:9/none")
    done = await command(main, away, "promote", "a@example.com")
    assert done.returncode == 1
    assert (
        done.stderr == "admin: PostgreSQL cannot be reached; check DATABASE_URL and that it runs\n"
    )


async def test_superusers_see_and_end_somebodys_sessions(
    client: httpx.AsyncClient, people: People, admin: Person, person: Person
) -> None:
    other = await people.sign_in(person)
    url = f"{USERS}/{person.id}/sessions"
    for method, path in (("GET", url), ("DELETE", url), ("DELETE", f"{url}/{new_id()}")):
        refused = await client.request(method, path, headers=person.headers)
        assert problem(refused) == (403, "forbidden")
    items = (await client.get(url, headers=admin.headers)).json()["items"]
    assert len(items) == 2 and not any(item["is_current"] for item in items)

    one = f"{url}/{items[0]['id']}"
    for _ in range(2):
        assert (await client.delete(one, headers=admin.headers)).status_code == 204
    assert (await client.get(f"{API}/users/me", headers=other.headers)).status_code == 401
    assert (await client.get(f"{API}/users/me", headers=person.headers)).status_code == 200

    assert (await client.delete(url, headers=admin.headers)).status_code == 204
    assert (await client.get(f"{API}/users/me", headers=person.headers)).status_code == 401
    assert (await client.get(url, headers=admin.headers)).json()["items"] == []
    trail = [event for event in await people.audit(person) if event.actor]
    assert [(event.action, event.actor, event.details) for event in trail] == [
        ("session.ended-by-admin", str(admin.id), {"all": False}),
        ("session.ended-by-admin", str(admin.id), {"all": True}),
    ]


async def test_a_session_is_ended_only_where_it_belongs(
    client: httpx.AsyncClient, people: People, admin: Person, person: Person
) -> None:
    stranger = await people.sign_in()
    [session] = await people.live_sessions(stranger)
    for url in (
        f"{USERS}/{person.id}/sessions/{session.id}",
        f"{USERS}/{person.id}/sessions/{new_id()}",
        f"{USERS}/{new_id()}/sessions",
    ):
        assert problem(await client.delete(url, headers=admin.headers)) == (404, "not-found")
    assert await people.live_sessions(stranger)

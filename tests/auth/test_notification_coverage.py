"""No state of an account changes without a message to whom it concerns.

Everything that can be done to an account is done, by its owner, by strangers and by superusers.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from auth_service.audit.service import Action
from auth_service.mails.requests import process_mail_requests
from auth_service.models import User
from notification_service.kinds.accounts import AccountPayload
from notification_service.kinds.registry import KINDS
from service_kit.database.engine import Database
from service_kit.database.tables import table_of
from tests.auth.people import API, NEW_PASSWORD, PASSWORD, Links, People, Person, new_address
from tests.changes import Change, changes, run, watching

ME = f"{API}/users/me"

# What a person is called and how they are written to is no state.
STATELESS = {
    "id", "full_name", "locale", "created_at", "updated_at", "email_ascii", "credentials_version",
}  # fmt: skip
WATCHED = set(table_of(User).columns.keys()) - STATELESS
STATE = {"account": "'there'"} | {
    f"account.{column}": f"coalesce({{row}}.{column}::text, '')" for column in sorted(WATCHED)
}

TOLD: dict[Change, set[str]] = {
    ("account", "", "there"): {"verify-email"},
    ("account", "there", ""): {"user.erased.v1"},
    ("account.hashed_password", "set", "set"): {"password-changed"},
    # What waited for it goes out.
    ("account.is_verified", "false", "true"): {"user.address-confirmed.v1"},
    ("account.pending_email", "", "set"): {"verify-email", "email-change-notice"},
    ("account.reset_mail_at", "", "set"): {"reset-password"},
    ("account.reset_mail_at", "set", "set"): {"reset-password"},
    ("account.verification_mail_at", "", "set"): {"verify-email"},
    ("account.verification_mail_at", "set", "set"): {"verify-email"},
}
QUIET: set[Change] = {
    # What somebody has just done by themselves, and read in the answer.
    ("account.pending_email", "set", ""),
    # The old address was told when the new one was asked for.
    ("account.email", "set", "set"),
    # What superusers do is in the audit trail.
    ("account.is_active", "true", "false"),
    ("account.is_active", "false", "true"),
    ("account.is_superuser", "false", "true"),
    ("account.is_superuser", "true", "false"),
}
# What concerns a session, and no account.
OF_SESSIONS = {
    Action.SIGNED_IN, Action.SIGN_IN_FAILED, Action.SIGN_IN_LOCKED, Action.SIGNED_OUT,
    Action.SIGNED_OUT_ELSEWHERE, Action.SIGNED_OUT_BY_ADMIN, Action.REFRESH_REUSED,
}  # fmt: skip


@pytest.fixture
async def watched(database: Database) -> AsyncIterator[None]:
    async with watching(database, STATE):
        yield


class Walk:
    """One person's way through everything, and another's end by a superuser."""

    def __init__(self, client: httpx.AsyncClient, people: People, links: Links) -> None:
        self.client = client
        self.people = people
        self.links = links
        self.actions: set[str] = set()

    async def go(self) -> None:
        person = await self.people.register()
        await self.ask("request-verify-token", person)
        await self.links.verify(await self.links.token(person, "verify-email"))
        for _ in range(2):
            await self.ask("forgot-password", person)
        await self.links.reset(await self.links.token(person, "reset-password"), NEW_PASSWORD)
        person.password = NEW_PASSWORD
        person = await self.people.sign_in(person)
        await self.change(person, password=PASSWORD, current_password=NEW_PASSWORD)
        await self.move(person)
        await self.by_a_superuser(person)
        person = await self.people.sign_in(Person(person.id, person.email, PASSWORD))
        await self.note(person)
        await self.erase(person)
        await self.note(person)

    async def ask(self, path: str, person: Person) -> None:
        await self.client.post(f"{API}/auth/{path}", json={"email": person.email})
        while await process_mail_requests(self.people.database, coalesce=timedelta(0)):
            pass

    async def change(self, person: Person, **members: str) -> None:
        answer = await self.client.patch(ME, headers=person.headers, json=members)
        assert answer.status_code == 200, answer.text

    async def move(self, person: Person) -> None:
        """To an address that is taken back, and to one that is confirmed."""
        await self.change(person, email=new_address(), current_password=PASSWORD)
        await self.change(person, email=person.email, current_password=PASSWORD)
        new = new_address()
        await self.change(person, email=new, current_password=PASSWORD)
        await self.links.verify(await self.links.token(person, "verify-email", email=new))
        person.email = new

    async def by_a_superuser(self, person: Person) -> None:
        admin = await self.people.superuser()
        for change in ({"is_superuser": True}, {"is_superuser": False}, {"is_active": False}):
            await self.administer(admin, person, change)
        await self.administer(admin, person, {"is_active": True})
        other = await self.people.register()
        erased = await self.client.delete(f"{API}/users/{other.id}", headers=admin.headers)
        assert erased.status_code == 204

    async def administer(self, admin: Person, person: Person, change: dict[str, bool]) -> None:
        answer = await self.client.patch(
            f"{API}/users/{person.id}", headers=admin.headers, json=change
        )
        assert answer.status_code == 200, answer.text

    async def erase(self, person: Person) -> None:
        answer = await self.client.request(
            "DELETE", ME, headers=person.headers, json={"current_password": PASSWORD}
        )
        assert answer.status_code == 204

    async def note(self, person: Person) -> None:
        self.actions |= set(await self.people.actions(person))


@pytest.fixture
async def walk(watched: None, client: httpx.AsyncClient, people: People, links: Links) -> Walk:
    return Walk(client, people, links)


async def seen(database: Database) -> list[tuple[Change, set[str]]]:
    """With words for values: of an address or a hash, that there is one."""

    def word(value: str) -> str:
        return value if value in ("", "there", "true", "false") else "set"

    found = await changes(database)
    return [((what, word(was), word(now)), kinds) for (what, was, now), kinds in found]


async def untold(database: Database) -> set[Change]:
    return {
        change
        for change, kinds in await seen(database)
        if change not in QUIET and not (kinds and TOLD.get(change, {"?"}) <= kinds)
    }


async def test_no_account_changes_without_its_message(walk: Walk, database: Database) -> None:
    await walk.go()

    assert await untold(database) == set()
    # The walk has been everywhere: at each change, each message, and each entry of the trail.
    found = await seen(database)
    assert {change for change, _ in found} == TOLD.keys() | QUIET
    mails = {kind for kind, content in KINDS.items() if issubclass(content, AccountPayload)}
    assert set().union(*(kinds for _, kinds in found)) == mails | {
        "user.erased.v1",
        "user.address-confirmed.v1",
    }
    assert walk.actions >= set(Action) - OF_SESSIONS


@pytest.mark.parametrize("lost", sorted(set().union(*TOLD.values())))
async def test_the_walk_sees_each_message_that_is_missing(
    walk: Walk, database: Database, lost: str
) -> None:
    """The negative control: the database swallows the messages of one kind."""
    await run(
        database,
        [
            """CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RETURN NULL; END $$""",
            f"""CREATE TRIGGER lose BEFORE INSERT ON outbox FOR EACH ROW
                WHEN (coalesce(NEW.message->>'kind', NEW.topic) = '{lost}')
                EXECUTE FUNCTION lose()""",
        ],
    )
    try:
        await walk.go()
        assert await untold(database) == {change for change, by in TOLD.items() if lost in by}
    finally:
        await run(database, ["DROP FUNCTION lose CASCADE"])

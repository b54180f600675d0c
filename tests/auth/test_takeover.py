"""Whoever once knew the password, or came first, does not keep or get an account that is another's."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from service_kit.clock import utc_now
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


class Case:
    """A thief who knows the password, and the owner who wants the account back."""

    def __init__(self, client: httpx.AsyncClient, people: People, links: Links) -> None:
        self.client, self.people, self.links = client, people, links

    async def begin(self, *, is_verified: bool = True) -> None:
        self.owner = await self.people.sign_in(is_verified=is_verified)
        self.thief = await self.people.sign_in(self.owner)
        self.thiefs_address = new_address()
        answer = await self.patch(
            self.thief, email=self.thiefs_address, current_password=self.owner.password
        )
        assert answer.json()["pending_email"] == self.thiefs_address

    async def patch(self, person: Person, **body: Any) -> httpx.Response:
        return await self.client.patch(ME, headers=person.headers, json=body)

    async def mailed(self, kind: str = "verify-email", email: str | None = None) -> str:
        return await self.links.token(
            self.owner, kind, email=email or (self.thiefs_address if kind[0] == "v" else None)
        )

    async def reset(self) -> None:
        token = await self.links.token(self.owner, "reset-password")
        assert (await self.links.reset(token)).status_code == 200

    async def change_password(self) -> None:
        answer = await self.patch(self.owner, password=NEW_PASSWORD, current_password=PASSWORD)
        assert answer.status_code == 200

    async def change_address(self) -> None:
        new = new_address()
        answer = await self.patch(self.owner, email=new, current_password=PASSWORD)
        assert answer.status_code == 200
        token = await self.links.token(self.owner, "verify-email", email=new)
        assert (await self.links.verify(token)).status_code == 200
        self.owner.email = new

    async def sign_out_elsewhere(self) -> None:
        answer = await self.client.delete(f"{ME}/sessions", headers=self.owner.headers)
        assert answer.status_code == 204 and not answer.content

    async def deactivate(self) -> None:
        admin = await self.people.superuser()
        for is_active in (False, True):
            answer = await self.client.patch(
                f"{API}/users/{self.owner.id}", headers=admin.headers, json={"is_active": is_active}
            )
            assert answer.status_code == 200


End = Callable[[Case], Awaitable[None]]
ENDS: dict[str, End] = {
    "a reset": Case.reset,
    "a change of the password": Case.change_password,
    "a sign-out everywhere": Case.sign_out_elsewhere,
    "a deactivation by a superuser": Case.deactivate,
    "another address": Case.change_address,
}


@pytest.fixture
def case(client: httpx.AsyncClient, people: People, links: Links) -> Case:
    return Case(client, people, links)


@pytest.mark.parametrize("is_verified", [True, False], ids=["verified", "pre-registered"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
async def test_a_pending_address_and_its_link_end_with(
    case: Case, end: End, is_verified: bool
) -> None:
    await case.begin(is_verified=is_verified)
    stolen = await case.mailed()
    await end(case)
    assert (await case.people.row(case.owner)).pending_email is None
    assert problem(await case.links.verify(stolen)) == (400, "bad-token")
    # Nor does the old link work once the same address is asked for again.
    await case.people.change(case.owner, pending_email=case.thiefs_address)
    assert problem(await case.links.verify(stolen)) == (400, "bad-token")
    assert (await case.people.row(case.owner)).email == case.owner.email


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
async def test_a_reset_link_ends_with(case: Case, end: End) -> None:
    await case.begin()
    stolen = await case.mailed("reset-password")
    await end(case)
    # Should the password and the address have become the old ones again, as some people have it.
    row = await case.people.row(case.owner)
    await case.people.change(
        case.owner, email=case.owner.email, hashed_password=row.hashed_password
    )
    assert problem(await case.links.reset(stolen, "the password of a thief")) == (400, "bad-token")


async def test_a_link_ends_although_the_same_password_is_set_again(case: Case) -> None:
    """The version, and not only the hash, is what binds it."""
    await case.begin()
    row = await case.people.row(case.owner)
    stolen, pending = await case.mailed("reset-password"), await case.mailed()
    await case.change_password()
    await case.people.change(
        case.owner, hashed_password=row.hashed_password, pending_email=case.thiefs_address
    )
    assert problem(await case.links.reset(stolen)) == (400, "bad-token")
    assert problem(await case.links.verify(pending)) == (400, "bad-token")


async def test_a_link_ends_with_the_password_however_it_was_changed(case: Case) -> None:
    await case.begin()
    pending = await case.mailed()
    await case.people.change(case.owner, hashed_password="$argon2id$another")
    assert problem(await case.links.verify(pending)) == (400, "bad-token")


async def test_while_nothing_ends_it_the_address_is_taken(case: Case) -> None:
    """The control of the tests above."""
    await case.begin()
    assert (await case.links.verify(await case.mailed())).json()["email"] == case.thiefs_address


async def test_who_pre_registers_an_address_is_out_once_its_owner_resets(case: Case) -> None:
    await case.begin(is_verified=False)
    pending, first = await case.mailed(), await case.mailed(email=case.owner.email)
    await case.reset()
    row = await case.people.row(case.owner)
    assert row.is_verified and row.pending_email is None
    assert problem(await case.links.verify(pending)) == (400, "bad-token")
    # The owner's own first mail is no mistake: there is nothing left to confirm.
    assert problem(await case.links.verify(first)) == (400, "already-verified")
    for session in (case.thief, case.owner):
        assert (await case.client.get(ME, headers=session.headers)).status_code == 401
        refreshed = await case.client.post(
            f"{API}/auth/refresh", json={"refresh_token": session.refresh_token}
        )
        assert problem(refreshed) == (401, "refresh-invalid")
    assert (await case.people.try_password(case.owner.email, PASSWORD)).status_code == 400
    assert "email.verified" in await case.people.actions(case.owner)


async def test_the_link_to_an_address_that_is_no_longer_the_account_s_is_void(case: Case) -> None:
    await case.begin(is_verified=False)
    first = await case.mailed(email=case.owner.email)
    await case.links.verify(await case.mailed())
    assert problem(await case.links.verify(first)) == (400, "bad-token")
    # Not even when somebody else has the address by then.
    other = await case.people.register(case.owner.email)
    assert problem(await case.links.verify(first)) == (400, "bad-token")
    assert not (await case.people.row(other)).is_verified


async def test_of_two_pending_addresses_the_later_counts(case: Case) -> None:
    await case.begin()
    stolen, mine = await case.mailed(), new_address()
    await case.patch(case.owner, email=mine, current_password=PASSWORD)
    assert problem(await case.links.verify(stolen)) == (400, "bad-token")
    assert (await case.links.verify(await case.mailed(email=mine))).json()["email"] == mine


async def test_a_new_password_and_a_new_address_in_one_request_leave_the_new_address_pending(
    case: Case,
) -> None:
    await case.begin()
    stolen, mine = await case.mailed(), new_address()
    answer = await case.patch(
        case.owner, email=mine, password=NEW_PASSWORD, current_password=PASSWORD
    )
    assert answer.json()["pending_email"] == mine
    assert problem(await case.links.verify(stolen)) == (400, "bad-token")
    assert (await case.links.verify(await case.mailed(email=mine))).status_code == 200


async def test_of_a_reset_and_a_theft_at_once_the_owner_has_the_account(case: Case) -> None:
    for _ in range(5):
        await case.begin()
        pending, reset = await case.mailed(), await case.mailed("reset-password")
        stolen, mended = await asyncio.gather(case.links.verify(pending), case.links.reset(reset))
        row = await case.people.row(case.owner)
        # Whichever came first: the other one's link has ended.
        assert sorted((stolen.status_code, mended.status_code)) == [200, 400]
        assert (row.email == case.owner.email) is mended.is_success
        assert row.pending_email is None


async def test_no_link_is_made_for_an_account_that_is_not_active(case: Case) -> None:
    await case.begin(is_verified=False)
    first = await case.mailed(email=case.owner.email)
    await case.people.change(case.owner, is_active=False)
    assert problem(await case.links.verify(first)) == (400, "bad-token")
    for kind in ("verify-email", "reset-password"):
        assert problem(await case.links.ask(case.owner, kind)) == (409, "link-not-needed")


async def test_signing_out_everywhere_else_leaves_this_session(case: Case) -> None:
    await case.begin()
    await case.sign_out_elsewhere()
    assert (await case.client.get(ME, headers=case.owner.headers)).status_code == 200
    assert (await case.client.get(ME, headers=case.thief.headers)).status_code == 401
    refreshed = await case.client.post(
        f"{API}/auth/refresh", json={"refresh_token": case.thief.refresh_token}
    )
    assert problem(refreshed) == (401, "refresh-invalid")
    assert len(await case.people.live_sessions(case.owner)) == 1
    assert "session.others-ended" in await case.people.actions(case.owner)
    # Doing it again is doing what is done.
    await case.sign_out_elsewhere()
    anonymous = await case.client.delete(f"{ME}/sessions")
    assert problem(anonymous) == (401, "not-authenticated")


async def test_the_owner_gets_a_mail_about_every_new_password(case: Case) -> None:
    await case.begin()
    await case.change_password()
    await case.reset()
    told = [row.message for row in await case.people.messages(case.owner, "password-changed")]
    assert [message["topic"] for message in told] == ["user.password-changed.v1"] * 2
    assert [message["data"] for message in told] == [{}, {}]
    versions = [message["version"] for message in told]
    assert versions == sorted(set(versions))
    assert len({message["dedup_key"] for message in told}) == 2


async def test_a_mail_s_message_has_the_version_of_the_credentials(case: Case) -> None:
    await case.begin()
    await case.change_password()
    answer = await case.patch(case.owner, email=new_address(), current_password=NEW_PASSWORD)
    assert answer.status_code == 200
    messages = await case.people.messages(case.owner)
    versions = [row.message["version"] for row in messages]
    assert versions == sorted(versions) and versions[0] < versions[-1]
    assert messages[-1].created_at <= utc_now()

"""An account goes only when nothing is left that needs it, and every service is told until it knows."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update
from sqlmodel import col, select

from auth_service.clients.local import SCOPE
from auth_service.erasures import service as erasing
from auth_service.erasures.organizers import OrganizerClient
from auth_service.erasures.service import CONFIRM_AGAIN, LEASE, ROUTES, ErasureNotifier
from auth_service.models import Erasure
from service_kit.clock import utc_now
from service_kit.database.engine import Database
from service_kit.messaging.service_client import ServiceClient, ServiceUnavailable
from tests.auth.conftest import MakeSettings, PlayedEventService
from tests.auth.people import API, PASSWORD, People, Person, problem

ME = f"{API}/users/me"


@pytest.fixture
async def event_service(auth_app: FastAPI) -> AsyncIterator[PlayedEventService]:
    before, played = auth_app.state.organizers, PlayedEventService()
    auth_app.state.organizers = OrganizerClient(played, "http://event-service")
    yield played
    auth_app.state.organizers = before


async def erase(client: httpx.AsyncClient, person: Person, **body: Any) -> httpx.Response:
    body = body or {"current_password": PASSWORD}
    return await client.request("DELETE", ME, headers=person.headers, json=body)


async def test_an_organizer_with_events_to_come_stays(
    client: httpx.AsyncClient, people: People, event_service: PlayedEventService
) -> None:
    person, admin = await people.sign_in(), await people.superuser()
    event_service.answers[str(person.id)] = {"upcoming_events": 2}
    refused = await erase(client, person)
    assert problem(refused) == (409, "organizer-has-events")
    assert "cancel them first" in refused.json()["title"]
    by_admin = await client.delete(f"{API}/users/{person.id}", headers=admin.headers)
    assert problem(by_admin) == (409, "organizer-has-events")
    assert await people.find(person) and (await client.get(ME, headers=person.headers)).is_success
    event_service.answers[str(person.id)] = {"upcoming_events": 0}
    assert (await erase(client, person)).status_code == 204


@pytest.mark.parametrize(
    ("status", "answer"),
    [(0, {}), (404, {}), (403, {}), (200, {}), (200, {"upcoming_events": "many"}), (200, [])],
)
async def test_without_an_answer_of_event_service_nothing_is_erased(
    client: httpx.AsyncClient,
    people: People,
    event_service: PlayedEventService,
    status: int,
    answer: Any,
) -> None:
    person, admin = await people.sign_in(), await people.superuser()
    event_service.status, event_service.answers[str(person.id)] = status, answer
    by_admin = await client.delete(f"{API}/users/{person.id}", headers=admin.headers)
    for refused in (await erase(client, person), by_admin):
        assert problem(refused) == (503, "unavailable")
        assert int(refused.headers["retry-after"]) > 0
    assert await people.find(person)
    assert not await people.messages(person, "user.erased.v1")


async def test_who_does_not_know_the_password_learns_nothing_of_events(
    client: httpx.AsyncClient, people: People, event_service: PlayedEventService
) -> None:
    person = await people.sign_in()
    event_service.answers[str(person.id)] = {"upcoming_events": 2}
    wrong = await erase(client, person, current_password="not the password")
    assert problem(wrong) == (400, "bad-credentials")


class Services(ServiceClient):
    """The two services that are told; each may be away, or refuse one account."""

    def __init__(self) -> None:
        self.told: list[tuple[str, UUID]] = []
        self.away: set[str] = set()
        self.refused: set[UUID] = set()

    async def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        service = "event-service" if ":8002" in url else "notification-service"
        assert method == "POST" and url.endswith(ROUTES[service])
        if service in self.away:
            raise ServiceUnavailable("away")
        user_id = UUID(options["json"]["user_id"])
        self.told.append((service, user_id))
        return httpx.Response(403 if user_id in self.refused else 204)


class Telling:
    def __init__(self, database: Database, make_settings: MakeSettings) -> None:
        self.database, self.services = database, Services()
        self.notifier = ErasureNotifier(make_settings(), self.services)

    async def tell(self) -> None:
        await self.notifier.notify_due(self.database)

    async def rows(self) -> list[Erasure]:
        async with self.database.transaction() as session:
            return list((await session.exec(select(Erasure))).all())

    async def pass_time(self, time: timedelta) -> None:
        async with self.database.transaction() as session:
            await session.execute(
                update(Erasure).values(
                    next_attempt_at=col(Erasure.next_attempt_at) - time,
                    confirmed_at=col(Erasure.confirmed_at) - time,
                )
            )

    def count(self, service: str) -> int:
        return sum(1 for told, _ in self.services.told if told == service)


@pytest.fixture
async def telling(database: Database, auth_settings: MakeSettings) -> AsyncIterator[Telling]:
    found = Telling(database, auth_settings)
    async with database.transaction() as session:
        for row in (await session.exec(select(Erasure))).all():
            await session.delete(row)
    yield found


@pytest.fixture
async def erased(client: httpx.AsyncClient, people: People, telling: Telling) -> UUID:
    person = await people.sign_in()
    assert (await erase(client, person)).status_code == 204
    return person.id


async def test_both_services_are_notified_of_an_erasure_at_once_and_again_later(
    telling: Telling, erased: UUID
) -> None:
    await telling.tell()
    assert sorted(telling.services.told) == sorted((service, erased) for service in ROUTES)
    await telling.tell()
    assert len(telling.services.told) == 2
    await telling.pass_time(CONFIRM_AGAIN)
    await telling.tell()
    assert sorted(telling.services.told) == sorted(
        (service, erased) for service in ROUTES for _ in "ab"
    )
    assert await telling.rows() == []


@pytest.mark.parametrize("away", sorted(ROUTES))
async def test_an_unavailable_service_is_notified_when_it_is_back_and_the_other_at_once(
    telling: Telling, erased: UUID, away: str
) -> None:
    (other,) = set(ROUTES) - {away}
    telling.services.away = {away}
    for _ in range(3):
        await telling.tell()
        await telling.pass_time(LEASE)
    assert (telling.count(away), telling.count(other)) == (0, 1 + 1)
    telling.services.away = set()
    await telling.tell()
    assert telling.count(away) == 1
    await telling.pass_time(CONFIRM_AGAIN)
    await telling.tell()
    assert await telling.rows() == []


async def test_an_account_that_a_service_cannot_forget_keeps_no_other_waiting(
    telling: Telling, client: httpx.AsyncClient, people: People
) -> None:
    everybody = [await people.sign_in() for _ in range(5)]
    for person in everybody:
        assert (await erase(client, person)).status_code == 204
    telling.services.refused = {everybody[0].id}
    for _ in range(3):
        await telling.tell()
    told = {user_id for service, user_id in telling.services.told if service == "event-service"}
    assert told == {person.id for person in everybody}


async def test_two_relays_notify_once(telling: Telling, erased: UUID) -> None:
    await asyncio.gather(*(telling.tell() for _ in range(4)))
    assert len(telling.services.told) == 2


async def test_an_erasure_that_is_rolled_back_notifies_nobody(
    telling: Telling, client: httpx.AsyncClient, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr("auth_service.accounts.manager.anonymize", fail)
    person = await people.sign_in()
    assert (await erase(client, person)).status_code >= 500
    assert await people.find(person) and await telling.rows() == []


async def test_services_are_notified_of_an_account_that_a_superuser_erases(
    telling: Telling, client: httpx.AsyncClient, people: People
) -> None:
    person, admin = await people.register(), await people.superuser()
    answer = await client.delete(f"{API}/users/{person.id}", headers=admin.headers)
    assert answer.status_code == 204
    assert {(row.service, row.user_id) for row in await telling.rows()} == {
        (service, person.id) for service in ROUTES
    }
    assert all(row.next_attempt_at <= utc_now() for row in await telling.rows())


def test_this_service_may_do_what_it_asks_of_others() -> None:
    assert set(SCOPE.split()) == {"events:organizers", "notifications:send", "users:erase"}
    assert erasing.LEASE < timedelta(seconds=60)

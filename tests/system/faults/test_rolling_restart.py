"""A release goes out: each replica of a service is asked to end and started again, under load."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from service_kit.ids import new_id
from tests.auth.people import PASSWORD
from tests.conftest import SECRET, FreshDatabase
from tests.events.conftest import sign
from tests.events.load import Load
from tests.events.servers import Server, serving_keys
from tests.system.faults.gateway import Gateway, NextRequest
from tests.system.faults.pipeline import IS_FULL, until
from tests.system.faults.processes import as_environment

# They end alike, by the kit; starting each costs seconds.
SERVICES = ("auth", "event", "notification") if IS_FULL else ("event",)
DRAIN_SECONDS = 0.5
RESTARTS = 5
SUCCESS = {"auth": "200", "event": "201", "notification": "200"}
OWN_SETTINGS: dict[str, dict[str, Any]] = {
    "auth": {
        "secret_key": SECRET,
        "verification_token_secret": f"{SECRET}-verification",
        "reset_password_token_secret": f"{SECRET}-reset",
        "password_hash_memory_kib": 8,
        "password_hash_passes": 1,
    },
    "event": {},
    "notification": {
        "smtp_url": "smtp://127.0.0.1:9",
        "mail_from": "Parterre <tickets@parterre.example>",
    },
}


@asynccontextmanager
async def replicas(
    service: str, database_url: str, redis_url: str, folder: Path, drain_seconds: float
) -> AsyncIterator[list[Server]]:
    with serving_keys() as keys_url:
        settings = OWN_SETTINGS[service] | {
            "environment": "test",
            "log_level": "WARNING",
            "rate_limit_enabled": False,
            "database_url": database_url,
            "cache_redis_url": redis_url,
            "broker_url": redis_url,
            "auth_service_url": keys_url,
            "drain_seconds": drain_seconds,
        }
        environment = as_environment(settings)
        made = [
            Server(f"{service}_service", environment, folder / f"{service}{number}.log")
            for number in range(2)
        ]
        try:
            for server in made:
                server.start()
            await asyncio.gather(*(server.is_ready() for server in made))
            yield made
        finally:
            for server in made:
                server.end()


async def load_of(service: str, first: Server) -> NextRequest:
    """What its clients ask of a service most: to be signed in, to book, to see their mails."""
    if service == "auth":
        email = f"{new_id().hex}@example.com"
        async with Load([first]) as people:
            account = {"email": email, "password": PASSWORD}
            answer = await people.send(str(new_id()), "/auth/register", account)
        assert answer is not None and answer.status_code == 201
        form = {"username": email, "password": PASSWORD}
        return lambda: ("POST", "/api/v1/auth/login", {"data": form})
    if service == "notification":
        token = {"Authorization": f"Bearer {sign(new_id())}"}
        return lambda: ("GET", "/api/v1/notifications", {"headers": token})
    async with Load([first]) as people:
        await people.open_event(50_000, is_assigned=False)
    body = {"event_id": people.event_id, "quantity": 1}
    return lambda: (
        "POST",
        "/api/v1/bookings",
        {"json": body, "headers": {"Authorization": f"Bearer {sign(UUID(str(new_id())))}"}},
    )


@pytest.mark.parametrize("service", SERVICES)
async def test_a_rolling_restart_fails_no_request(
    fresh_database: FreshDatabase, redis_url: str, tmp_path: Path, service: str
) -> None:
    url = await fresh_database(service)
    async with replicas(service, url, redis_url, tmp_path, DRAIN_SECONDS) as both:
        async with Gateway(both, await load_of(service, both[0])) as gateway:
            first, second = both
            await gateway.has_sent(50)
            first.ask_to_end()
            await first.has_ended()
            first.start()
            await until(lambda: gateway.sends_to(first), "it is back")
            second.ask_to_end()
            await second.has_ended()
            await gateway.has_sent(50)
    assert set(gateway.outcomes) == {SUCCESS[service]}, gateway.outcomes


@pytest.mark.by_chance
async def test_without_the_time_to_leave_requests_fail(
    fresh_database: FreshDatabase, redis_url: str, tmp_path: Path
) -> None:
    """The negative control: nobody hears of the end before the door is shut."""
    url = await fresh_database("event")
    async with replicas("event", url, redis_url, tmp_path, drain_seconds=0) as both:
        async with Gateway(both, await load_of("event", both[0])) as gateway:
            await gateway.has_sent(50)
            # Chance may spare one restart: between two looks of the gateway there was no request.
            for _ in range(RESTARTS):
                both[0].ask_to_end()
                await both[0].has_ended()
                await gateway.has_sent(20)
                if set(gateway.outcomes) > {SUCCESS["event"]}:
                    break
                both[0].start()
                await until(lambda: gateway.sends_to(both[0]), "it is back")
    assert set(gateway.outcomes) > {SUCCESS["event"]}, gateway.outcomes

"""PostgreSQL restarted under auth-service and under notification-service; event-service has a storm of its
own in tests/events/test_faults.py."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from service_kit.ids import new_id
from tests.auth.conftest import CHEAP_HASHES
from tests.auth.people import PASSWORD, new_address
from tests.conftest import SECRET
from tests.notifications.auth_server import AuthServerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.people import public_keys, sign_in
from tests.processes import OwnRedis
from tests.system.faults.database import (
    Callers,
    OwnPostgres,
    api,
    check_answers,
    is_up,
    own_postgres,
    restart_under,
)
from tests.system.faults.pipeline import IS_FULL, WORKER, Pipeline, until
from tests.system.faults.processes import ROOT, WORKER_PROCESSES, as_environment

MAILS = 500 if IS_FULL else 80
API = "/api/v1"
# What should not decide.
WITHOUT_LIMITS = {"RATE_LIMIT_ENABLED": "false"}


async def test_auth_service_asks_to_come_again_and_writes_nothing_by_halves(
    own_redis: OwnRedis, tmp_path: Path
) -> None:
    await until(lambda: own_redis.is_ready, "Redis starts")
    registered: list[str] = []

    async def register_and_sign_in(client: httpx.AsyncClient) -> httpx.Response:
        body = {"email": new_address(), "password": PASSWORD}
        answer = await client.post(f"{API}/auth/register", json=body)
        if answer.status_code != 201:
            return answer
        registered.append(body["email"])
        form = {"username": body["email"], "password": PASSWORD}
        return await client.post(f"{API}/auth/login", data=form)

    async with own_postgres("auth") as postgres:
        environment = as_environment(
            {
                "environment": "test",
                "database_url": postgres.url,
                "cache_redis_url": own_redis.url,
                "broker_url": own_redis.url,
                "secret_key": SECRET,
                "verification_token_secret": f"{SECRET}-verification",
                "reset_password_token_secret": f"{SECRET}-reset",
                **CHEAP_HASHES,
            }
        )
        environment |= WITHOUT_LIMITS | {"PYTHONPATH": f"{ROOT}/service-kit:{ROOT}/auth-service"}
        with api("auth_service", environment, tmp_path / "auth.log") as (process, url):
            await is_up(url)
            callers = Callers(url)
            async with callers.asking(register_and_sign_in):
                await restart_under(callers, postgres, good=200)
            assert process.is_running
        rows = await all_rows(
            postgres,
            """SELECT account.email, (
                SELECT count(*) FROM outbox
                WHERE message->>'user_id' = account.id::text AND topic = 'user.registered.v1'
            ) AS messages FROM account""",
        )
    check_answers(callers, 200)
    messages = {row["email"]: row["messages"] for row in rows}
    assert set(registered) <= messages.keys(), "what was answered with 201 is there"
    assert set(messages.values()) == {1}, "each account has its mail"
    # Whoever was refused while it was committed: one of each caller at most.
    assert len(messages) - len(registered) <= 6


async def all_rows(postgres: OwnPostgres, query: str) -> list[Any]:
    connection = await asyncpg.connect(postgres.url.replace("+asyncpg", ""))
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


@pytest.fixture
async def postgres() -> AsyncIterator[OwnPostgres]:
    async with own_postgres("notification") as postgres:
        yield postgres


@pytest.fixture
def impatient(impatient: dict[str, Any], postgres: OwnPostgres) -> dict[str, Any]:
    return {**impatient, "database_url": postgres.url}


async def test_notification_service_asks_to_come_again_and_loses_no_mail(
    pipeline: Pipeline,
    postgres: OwnPostgres,
    mail_server: MailServerForTests,
    auth_server: AuthServerForTests,
    tmp_path: Path,
) -> None:
    auth_server.accounts.keys = public_keys()
    headers = sign_in(new_id())

    async def read(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get(f"{API}/notifications", headers=headers)

    environment = as_environment(pipeline.options) | WITHOUT_LIMITS
    worker = await pipeline.worker(module=WORKER)
    with api("notification_service", environment, tmp_path / "notification.log") as (process, url):
        await is_up(url)
        callers = Callers(url)
        async with pipeline.in_use():
            await pipeline.ask(MAILS)
            await until(lambda: len(mail_server.received) >= MAILS // 8, "some mails are sent")
            async with callers.asking(read, number=2):
                await restart_under(callers, postgres, good=200)
            await until(pipeline.all_sent, "all mails are sent")
        assert process.is_running and worker.is_running

    check_answers(callers, 200)
    pipeline.report("PostgreSQL restarted")
    assert pipeline.lost == 0
    # What was handed over while nobody could note it: as after a kill, one mail of each process.
    assert pipeline.doubled <= WORKER_PROCESSES


@pytest.mark.by_chance
async def test_control_without_a_sweep_mails_are_left_half_done(
    pipeline: Pipeline, postgres: OwnPostgres, mail_server: MailServerForTests
) -> None:
    """If this fails, the test above shows nothing: no mail was under way when PostgreSQL stopped."""
    mail_server.answers("DATA", "hang")
    await pipeline.worker()
    async with pipeline.in_use(sweeps=False, reconciles=False):
        await pipeline.ask(MAILS // 2)
        await until(lambda: mail_server.handler.asked["DATA"] > 0, "a mail is under way")
        await postgres.stop()
        mail_server.is_well()
        await postgres.start()
        await pipeline.database.engine.dispose()
        await pipeline.ask_until_one_is_sent()

    pipeline.report("PostgreSQL restarted", without="sweep, reconciler")
    assert pipeline.lost > 0

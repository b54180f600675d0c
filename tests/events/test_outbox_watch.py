"""Operators see that messages do not reach the queue."""

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from event_service.models import OutboxMessage
from service_kit.messaging.outbox import OutboxQueries
from tests.events.conftest import Publish, User


async def change(app: FastAPI, assignments: str) -> None:
    async with app.state.database.transaction() as session:
        await session.execute(text(f"UPDATE outbox SET {assignments}"))


async def is_ready(app: FastAPI) -> bool:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return (await client.get("/health/ready")).status_code == 200


async def age_of_oldest(app: FastAPI) -> float:
    async with app.state.database.transaction() as session:
        return await OutboxQueries(OutboxMessage).oldest_unpublished_seconds(session)


@pytest.mark.parametrize("how", ["never tried", "tried again and again"])
async def test_a_message_that_waits_too_long_is_measured_and_nobody_is_sent_away(
    app: FastAPI, guest: User, published: Publish, how: str
) -> None:
    await change(app, "published_at = now()")
    await guest.book(await published())

    await change(app, "published_at = NULL, created_at = now() - interval '1 hour'")
    if how == "tried again and again":
        await change(app, "attempts = 900, next_attempt_at = now() + interval '1 second'")
    waiting, age = await is_ready(app), await age_of_oldest(app)
    await change(app, "published_at = now()")

    assert waiting
    assert 3600 <= age < 3700
    assert app.state.metrics.get_sample_value("outbox_oldest_unpublished_seconds") is not None


async def test_what_is_to_go_out_later_does_not_count(
    app: FastAPI, guest: User, published: Publish
) -> None:
    await guest.book(await published())
    later = "next_attempt_at = now() + interval '1 hour'"
    await change(app, f"published_at = NULL, attempts = 0, created_at = 'epoch', {later}")

    assert await age_of_oldest(app) == 0
    await change(app, "published_at = now()")

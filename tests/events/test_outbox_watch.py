"""Operators see that messages do not reach the queue."""

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.events.conftest import Publish, User


async def change(app: FastAPI, assignments: str) -> None:
    async with app.state.database.transaction() as session:
        await session.execute(text(f"UPDATE outbox SET {assignments}"))


async def is_ready(app: FastAPI) -> bool:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/health/ready")
        missing = answer.json().get("missing", [])
        return "outbox" not in missing


@pytest.mark.parametrize("how", ["never tried", "tried again and again"])
async def test_readiness_is_red_while_a_message_waits_too_long(
    app: FastAPI, guest: User, published: Publish, how: str
) -> None:
    await change(app, "published_at = now()")
    await guest.book(await published())
    at_first = await is_ready(app)

    await change(app, "published_at = NULL, created_at = now() - interval '1 hour'")
    if how == "tried again and again":
        await change(app, "attempts = 900, next_attempt_at = now() + interval '1 second'")
    waiting = await is_ready(app)
    gauge = app.state.metrics.get_sample_value("outbox_oldest_unpublished_seconds")
    await change(app, "published_at = now()")

    assert [at_first, waiting, await is_ready(app)] == [True, False, True]
    assert 3600 <= gauge < 3700


async def test_what_is_to_go_out_later_makes_nothing_red(
    app: FastAPI, guest: User, published: Publish
) -> None:
    await guest.book(await published())
    later = "next_attempt_at = now() + interval '1 hour'"
    await change(app, f"published_at = NULL, attempts = 0, created_at = 'epoch', {later}")

    assert await is_ready(app)
    await change(app, "published_at = now()")

"""What the queue has lost goes out again in its turn, and not before what is new."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from event_service.models import OutboxMessage
from service_kit.messaging.outbox import OutboxQueries
from service_kit.messaging.relay import BATCH, Relay
from tests.events.waitlist import change, rows

LOST = BATCH


async def postpone_until_now(self: OutboxQueries, session: Any, ids: list[UUID]) -> None:
    """As it was."""
    await self.postpone(session, ids, timedelta(0))


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_what_is_published_again_does_not_stand_before_what_is_new(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    """The second case is the control."""
    if not is_guarded:
        monkeypatch.setattr(OutboxQueries, "publish_again", postpone_until_now)
    await change(app, "DELETE FROM outbox")
    added = """
        INSERT INTO outbox (id, task, topic, message, created_at, next_attempt_at, attempts,
            published_at)
        SELECT gen_random_uuid(), 'notifications.send', '',
            jsonb_build_object('user_id', gen_random_uuid()),
            now() - CAST(:age AS interval), now() - CAST(:age AS interval), 0,
            now() - CAST(:published AS interval)
        FROM generate_series(1, :number)
    """
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    await change(app, added, age=hour, published=minute, number=LOST)
    await change(app, added, age=hour - minute, published=None, number=LOST)
    await change(app, added, age=timedelta(seconds=1), published=None, number=1)
    [(newest,)] = await rows(app, "SELECT id FROM outbox ORDER BY created_at DESC LIMIT 1")

    async def all_of_them(ids: list[UUID]) -> list[UUID]:
        return ids

    relay = Relay(
        app.state.database,
        OutboxMessage,
        publish=lambda _: [],
        find_missing=all_of_them,
        reconcile_after=timedelta(seconds=30),
    )
    assert await relay.reconcile() == LOST
    async with app.state.database.transaction() as session:
        claimed = await OutboxQueries(OutboxMessage).claim(session, limit=BATCH, lease=minute)
    assert (newest in [row[0] for row in claimed]) == is_guarded
    await change(app, "DELETE FROM outbox")

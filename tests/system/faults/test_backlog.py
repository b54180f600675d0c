"""A backlog after an outage: what is new does not stand behind all of it, and nothing starves."""

import time

import pytest
from sqlalchemy import text

from tests.system.faults.pipeline import IS_FULL, PATIENCE_SECONDS, Pipeline, until

BACKLOG = 10_000 if IS_FULL else 1_500
# What is new shares the way with the backlog, and so comes when little of that is done.
FEW = BACKLOG // 2
SECONDS = 30.0
# All of it, on a busy machine.
PATIENCE = 3 * PATIENCE_SECONDS

pytestmark = pytest.mark.alone


@pytest.mark.parametrize("leaves_full_queue", [True, False], ids=["shared", "control"])
async def test_a_new_message_does_not_wait_for_a_backlog_in_the_outbox(
    pipeline: Pipeline, leaves_full_queue: bool
) -> None:
    """In the control the queue takes all there is, and is first in, first out."""
    backlog = await pipeline.ask(BACKLOG)
    async with pipeline.in_use(leaves_full_queue=leaves_full_queue):
        if not leaves_full_queue:
            await until(pipeline.all_published, "the queue has all")
        await pipeline.worker()
        await until(lambda: len(pipeline.mail_server.received) > 100, "the backlog is under way")
        before = await pipeline.count_sent()
        pipeline.start_counting()
        began = time.monotonic()
        await pipeline.ask(1)
        await until(pipeline.all_sent, "the new one is sent", seconds=PATIENCE)
        took = time.monotonic() - began
        pipeline.messages = backlog
        meanwhile = await pipeline.count_sent() - before
        if not leaves_full_queue:
            assert meanwhile > FEW
            return
        assert meanwhile < FEW
        assert took < SECONDS
        await until(pipeline.all_sent, "nothing starves", seconds=PATIENCE)


async def test_a_new_mail_does_not_wait_for_a_backlog_of_mails_that_are_due(
    pipeline: Pipeline,
) -> None:
    """As after an outage of the mail server, when all its mails are due at once."""
    backlog = await pipeline.ask(BACKLOG)
    async with pipeline.database.transaction() as session:
        await session.execute(text(DUE), {"ids": [message["id"] for message in backlog]})
    async with pipeline.in_use(leaves_full_queue=True, reconciles=False):
        await pipeline.worker()
        await until(lambda: len(pipeline.mail_server.received) > 100, "the backlog is under way")
        before = await pipeline.count_sent()
        pipeline.start_counting()
        began = time.monotonic()
        await pipeline.ask(1)
        await until(pipeline.all_sent, "the new one is sent", seconds=PATIENCE)
        took = time.monotonic() - began
        pipeline.messages = backlog
        assert await pipeline.count_sent() - before < FEW
        assert took < SECONDS
        await until(pipeline.all_sent, "nothing starves", seconds=PATIENCE)


# The messages of the outbox, as mails that were postponed until now.
DUE = """
    WITH moved AS (
        DELETE FROM outbox WHERE id = ANY(CAST(:ids AS uuid[])) RETURNING message
    )
    INSERT INTO notification (id, user_id, kind, dedup_key, booking_id, event_id, data, occurred_at,
        status, attempts, crashes, resends, fence, next_attempt_at, timeline, created_at, wanted_at)
    SELECT (message->>'id')::uuid, (message->>'user_id')::uuid, message->>'kind',
        message->>'dedup_key', (message->'data'->>'booking_id')::uuid,
        (message->'data'->>'event_id')::uuid, message->'data', now(), 'queued', 3, 0, 0, 3, now(),
        '[]', now(), now()
    FROM moved
"""

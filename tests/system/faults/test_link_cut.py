"""The line between worker and Redis goes dead, and nobody is told."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from redis import Redis

from service_kit.messaging.relay import QueuePublisher
from tests.system.faults.link import Link, link_to
from tests.system.faults.pipeline import IS_FULL, PATIENT, Pipeline, until
from tests.system.faults.processes import WORKER_PROCESSES

MAILS = 500 if IS_FULL else 40
# In earnest a worker takes half a minute to see that a line is dead.
WORKER = "notification_service.tasks" if IS_FULL else "tests.system.faults.mutants.hasty"
WAITING = "the line to Redis goes dead while the worker waits"


@asynccontextmanager
async def cut_while_it_waits(pipeline: Pipeline, *, reconciles: bool) -> AsyncIterator[None]:
    """The next message is then popped for somebody who hears nothing."""
    redis = Redis.from_url(pipeline.options["broker_url"])
    is_to_be_cut = [False]

    async with link_to(pipeline.options["broker_url"]) as link:

        class CutsFirst(QueuePublisher):
            def __call__(self, rows: list[Any]) -> list[UUID]:
                while is_to_be_cut[0]:
                    if redis.info("clients")["blocked_clients"]:
                        link.cut()
                        is_to_be_cut[0] = False
                return super().__call__(rows)

        await pipeline.worker(broker_url=link.url, module=WORKER, **PATIENT)
        async with pipeline.in_use(reconciles=reconciles, publisher=CutsFirst):
            await pipeline.ask(MAILS // 2)
            await until(pipeline.all_sent, "the first mails are sent")
            is_to_be_cut[0] = True
            await pipeline.ask(MAILS // 2)
            await until(pipeline.all_published, "the queue has all")
            yield
    redis.close()


async def test_what_was_popped_for_nobody_is_put_there_again(pipeline: Pipeline) -> None:
    async with cut_while_it_waits(pipeline, reconciles=True):
        await until(pipeline.all_sent, "all mails are sent")

    pipeline.report(WAITING)
    assert (pipeline.lost, pipeline.doubled) == (0, 0)


async def test_without_the_reconciler_it_is_lost(pipeline: Pipeline) -> None:
    """The negative control."""
    async with cut_while_it_waits(pipeline, reconciles=False):
        await pipeline.ask_until_one_is_sent()

    pipeline.report(WAITING, without="reconciler")
    assert pipeline.lost > 0


def cut_with_all_hands_full(pipeline: Pipeline, link: Link) -> None:
    """Once each process of the worker has a mail in hand."""
    handler = pipeline.mail_server.handler

    def cut() -> None:
        handler.on_rcpt = None
        link.cut()

    busy = threading.Barrier(WORKER_PROCESSES, action=cut, timeout=10)

    def wait_for_the_other() -> None:
        busy.wait()

    handler.on_rcpt = wait_for_the_other


async def test_who_cannot_say_that_it_is_done_goes_on(pipeline: Pipeline) -> None:
    async with link_to(pipeline.options["broker_url"]) as link, pipeline.in_use():
        await pipeline.worker(broker_url=link.url, module=WORKER, smtp_timeout_seconds=1)
        cut_with_all_hands_full(pipeline, link)
        await pipeline.ask(MAILS)
        await until(pipeline.all_sent, "all mails are sent")

    pipeline.report("the line to Redis goes dead while the worker is at work")
    assert (pipeline.lost, pipeline.doubled) == (0, 0)

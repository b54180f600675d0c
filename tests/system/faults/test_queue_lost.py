"""Redis wiped, restarted empty, or frozen."""

import pytest
from redis import Redis

from tests.notifications.mail_server import MailServerForTests
from tests.processes import OwnRedis
from tests.system.faults.pipeline import FORGETFUL, IS_FULL, PATIENT, WORKER, Pipeline, until

MAILS = 500 if IS_FULL else 40


@pytest.mark.parametrize("how", ["wiped", "restarted empty"])
async def test_what_the_queue_forgets_is_put_there_again(
    pipeline: Pipeline, own_redis: OwnRedis, how: str
) -> None:
    async with pipeline.in_use():
        await pipeline.ask(MAILS)
        await until(pipeline.all_published, "the queue has all")
        await forget(own_redis, how)
        await pipeline.worker(**PATIENT)
        await until(pipeline.all_sent, "all mails are sent")

    pipeline.report(f"Redis {how}")
    assert (pipeline.lost, pipeline.doubled) == (0, 0)


async def test_without_the_reconciler_it_is_lost(pipeline: Pipeline, own_redis: OwnRedis) -> None:
    """The negative control."""
    async with pipeline.in_use(reconciles=False):
        await pipeline.ask(MAILS)
        await until(pipeline.all_published, "the queue has all")
        await forget(own_redis, "wiped")
        await pipeline.worker()
        await pipeline.ask(1)
        await until(lambda: len(pipeline.copies) > 0, "what came later is sent")

    pipeline.report("Redis wiped", without="reconciler")
    assert pipeline.lost == MAILS


async def forget(own_redis: OwnRedis, how: str) -> None:
    if how == "wiped":
        with Redis.from_url(own_redis.url) as client:
            client.flushall()
    else:
        own_redis.forget_everything()
        own_redis.start()
        await until(lambda: own_redis.is_ready, "Redis is back")


@pytest.mark.parametrize("remembers", [True, False])
async def test_frozen_it_delays_and_loses_nothing(
    pipeline: Pipeline, own_redis: OwnRedis, mail_server: MailServerForTests, remembers: bool
) -> None:
    """The relay gives up on a message that Redis finds in its socket when it thaws, and publishes it
    again; the second worker knows no message again, so the reconciler would miss them all."""
    pipeline.queue.conf.broker_transport_options |= {"socket_timeout": 0.5}
    await pipeline.worker(module=WORKER if remembers else FORGETFUL, **PATIENT)
    async with pipeline.in_use(reconciles=remembers):
        await pipeline.ask(MAILS)
        await until(lambda: len(mail_server.received) >= MAILS // 4, "some mails are sent")
        own_redis.process.freeze()
        await pipeline.ask(5)
        await until(pipeline.has_tried_again, "the relay has given up once")
        own_redis.process.thaw()
        await until(pipeline.all_published, "the queue has all")
        await until(pipeline.is_worked_off, "the worker has taken all")

    pipeline.report("Redis frozen", without="" if remembers else "keys of messages")
    assert pipeline.lost == 0
    assert (pipeline.doubled == 0) == remembers

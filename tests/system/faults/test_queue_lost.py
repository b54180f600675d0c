"""Redis wiped, restarted empty, or frozen."""

import pytest
from redis import Redis

from tests.notifications.mail_server import MailServerForTests
from tests.processes import OwnRedis
from tests.system.faults.road import FORGETFUL, IS_FULL, WORKER, Road, until

MAILS = 500 if IS_FULL else 40


@pytest.mark.parametrize("how", ["wiped", "restarted empty"])
async def test_what_the_queue_forgets_is_put_there_again(
    road: Road, own_redis: OwnRedis, how: str
) -> None:
    async with road.in_use():
        await road.ask(MAILS)
        await until(road.all_published, "the queue has all")
        await forget(own_redis, how)
        await road.worker()
        await until(road.all_sent, "all mails are sent")

    road.report(f"Redis {how}")
    assert (road.lost, road.doubled) == (0, 0)


async def test_without_the_reconciler_it_is_lost(road: Road, own_redis: OwnRedis) -> None:
    """The negative control."""
    async with road.in_use(reconciles=False):
        await road.ask(MAILS)
        await until(road.all_published, "the queue has all")
        await forget(own_redis, "wiped")
        await road.worker()
        await road.ask(1)
        await until(lambda: len(road.copies) > 0, "what came later is sent")

    road.report("Redis wiped", without="reconciler")
    assert road.lost == MAILS


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
    road: Road, own_redis: OwnRedis, mail_server: MailServerForTests, remembers: bool
) -> None:
    """The relay gives up on a message that Redis finds in its socket when it thaws, and publishes it
    again; the second worker knows no message again."""
    road.queue.conf.broker_transport_options |= {"socket_timeout": 0.5}
    await road.worker(module=WORKER if remembers else FORGETFUL)
    async with road.in_use(reconciles=remembers, sweeps=remembers):
        await road.ask(MAILS)
        await until(lambda: len(mail_server.taken) >= MAILS // 4, "some mails are sent")
        own_redis.process.freeze()
        await road.ask(5)
        await until(road.has_tried_again, "the relay has given up once")
        own_redis.process.thaw()
        await until(road.all_published, "the queue has all")
        await until(road.is_worked_off, "the worker has taken all")

    road.report("Redis frozen", without="" if remembers else "keys of messages")
    assert road.lost == 0
    assert (road.doubled == 0) == remembers

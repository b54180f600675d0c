"""Redis wiped, restarted empty, frozen, or cut off without a word."""

import asyncio

import pytest
from redis import Redis

from tests.notifications.faults.conftest import IS_FULL
from tests.notifications.faults.processes import OwnRedis
from tests.notifications.faults.road import RECONCILE_SECONDS, Road, until
from tests.notifications.mail_server import MailServerForTests

MAILS = 500 if IS_FULL else 40

pytestmark = pytest.mark.xdist_group("faults-2")


@pytest.mark.parametrize("how", ["wiped", "restarted empty"])
async def test_what_the_queue_forgets_is_put_there_again(
    road: Road, own_redis: OwnRedis, how: str
) -> None:
    async with road.in_use():
        await road.ask(MAILS)
        await until(lambda: road.published(MAILS), "the queue has all")
        await forget(own_redis, how)
        await road.worker()
        await until(road.all_sent, "all mails are sent")

    road.report(f"Redis {how}")
    assert (road.lost, road.doubled) == (0, 0)


async def test_without_the_reconciler_it_is_lost(road: Road, own_redis: OwnRedis) -> None:
    """The negative control."""
    async with road.in_use(reconciles=False):
        await road.ask(MAILS)
        await until(lambda: road.published(MAILS), "the queue has all")
        await forget(own_redis, "wiped")
        await road.worker()
        await road.ask(1)
        await until(lambda: len(road.copies) > 0, "what came later is sent")

    road.report("Redis wiped, without the reconciler")
    assert road.lost == MAILS


async def forget(own_redis: OwnRedis, how: str) -> None:
    if how == "wiped":
        with Redis.from_url(own_redis.url) as client:
            client.flushall()
    else:
        own_redis.forget_everything()
        own_redis.start()
        await until(lambda: own_redis.is_ready, "Redis is back")


async def test_frozen_it_delays_and_loses_nothing(
    road: Road, own_redis: OwnRedis, mail_server: MailServerForTests
) -> None:
    await road.worker()
    async with road.in_use():
        await road.ask(MAILS)
        await until(lambda: len(mail_server.taken) >= MAILS // 4, "some mails are sent")
        own_redis.process.freeze()
        await road.ask(5)
        await asyncio.sleep(2 * RECONCILE_SECONDS)
        own_redis.process.thaw()
        await until(road.all_sent, "all mails are sent")

    road.report("Redis frozen")
    assert (road.lost, road.doubled) == (0, 0)


async def test_two_relays_send_each_mail_once(road: Road) -> None:
    await road.worker()
    async with road.in_use(relays=3):
        for _ in range(4):
            await road.ask(MAILS // 4)
        await until(road.all_sent, "all mails are sent")

    road.report("three relays")
    assert (road.lost, road.doubled) == (0, 0)


@pytest.mark.parametrize("remembers", [True, False])
async def test_a_relay_that_dies_before_it_notes_what_it_published(
    road: Road, remembers: bool
) -> None:
    """Everything comes twice; the second case takes from the receiver what it knows them by."""
    if not remembers:
        await road.forget_keys()
    await road.worker()
    async with road.in_use(reconciles=False):
        await road.ask(MAILS)
        await until(lambda: road.published(MAILS), "the queue has all")
        await road.publish_again()
        await until(lambda: road.published(MAILS), "the queue has all again")
        await until(road.is_worked_off, "the worker has taken all")

    road.report(f"everything published twice, {remembers=}")
    assert road.lost == 0
    assert road.doubled == (0 if remembers else MAILS)

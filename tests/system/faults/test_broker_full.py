"""The broker's Redis has reached ``maxmemory``: it refuses what is written and forgets nothing."""

from redis import Redis

from tests.processes import OwnRedis
from tests.system.faults.pipeline import IS_FULL, PATIENT, Pipeline, until

MAILS = 500 if IS_FULL else 40
FULL, ENDLESS = "1", "0"


def set_memory(own_redis: OwnRedis, maximum: str, *, policy: str = "noeviction") -> None:
    with Redis.from_url(own_redis.url) as client:
        client.config_set("maxmemory-policy", policy)
        client.config_set("maxmemory", maximum)


async def test_what_a_full_broker_refuses_waits_in_the_outbox(
    pipeline: Pipeline, own_redis: OwnRedis
) -> None:
    async with pipeline.in_use():
        set_memory(own_redis, FULL)
        await pipeline.ask(MAILS)
        await until(pipeline.has_tried_again, "the relay has tried in vain")
        set_memory(own_redis, ENDLESS)
        await pipeline.worker(**PATIENT)
        await until(pipeline.all_sent, "all mails are sent")

    pipeline.report("Redis full")
    assert (pipeline.lost, pipeline.doubled) == (0, 0)


async def test_control_a_broker_that_forgets_when_it_is_full_loses_them(
    pipeline: Pipeline, own_redis: OwnRedis
) -> None:
    async with pipeline.in_use(reconciles=False):
        await pipeline.ask(MAILS)
        await until(pipeline.all_published, "the queue has all")
        set_memory(own_redis, FULL, policy="allkeys-lru")
        with Redis.from_url(own_redis.url) as client:
            await until(lambda: client.dbsize() == 0, "Redis has forgotten", seconds=10)
        set_memory(own_redis, ENDLESS)
        await pipeline.worker()
        await pipeline.ask(1)
        await until(lambda: len(pipeline.copies) > 0, "what came later is sent")

    pipeline.report("Redis full and forgetful", without="noeviction")
    assert pipeline.lost == MAILS

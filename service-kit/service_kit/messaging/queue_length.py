"""How many tasks wait on the queue. What lies on it is first in, first out: a message that comes after ten
thousand others waits for all of them. So senders leave a full queue alone, and what waits in their
tables shares the way fairly."""

import redis.asyncio
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from service_kit.messaging.celery_app import KEY_PREFIX
from service_kit.redis_clients import close_client
from service_kit.settings import ServiceSettings

TIMEOUT_SECONDS = 2.0
# Beside so many tasks a new one waits for a moment only, and a worker never waits for tasks.
QUEUE_IS_FULL = 8


class BrokerUnavailable(Exception):
    """The broker did not take what it was given, or does not answer."""


class QueueLength:
    """Of one queue, by a connection of its own. Raises BrokerUnavailable."""

    def __init__(self, settings: ServiceSettings, queue: str = "notifications") -> None:
        self._key = f"{KEY_PREFIX}{queue}"
        self._redis = redis.asyncio.Redis.from_url(
            settings.broker_url.get_secret_value(),
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )

    async def __call__(self) -> int:
        try:
            return int(await self._redis.llen(self._key))
        except (RedisError, OSError) as error:
            raise BrokerUnavailable from error

    async def close(self) -> None:
        await close_client(self._redis)

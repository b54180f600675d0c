"""kombu's Redis transport, without an error that ends a worker.

When Redis leaves a worker that holds messages, Celery closes the connection, and what is still under
way acknowledges or gives back its message on a channel that knows no server any more: kombu 5.7 answers
with an AttributeError, which Celery 5.7 takes for the end of the worker. Said as what it is, a lost
connection, both handle it: the message comes again.
"""

from typing import Any

from kombu.transport import redis
from redis.exceptions import ConnectionError as RedisConnectionError

# For ``broker_transport``.
TRANSPORT = f"{__name__}:Transport"


class Channel(redis.Channel):
    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if getattr(self.connection, "client", None) is None:
            raise RedisConnectionError("The connection of this channel has been closed.")
        untyped: Any = super()
        parameters: dict[str, Any] = untyped._connparams(asynchronous)
        return parameters


class Transport(redis.Transport):
    Channel = Channel

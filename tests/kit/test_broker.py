"""A connection to a broker that has gone away in the midst of work."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Message, Queue
from redis import ConnectionError as RedisConnectionError

from service_kit.messaging.broker import TRANSPORT
from tests.processes import OwnRedis
from tests.system.conftest import wait_until


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    redis = OwnRedis(tmp_path / "redis")
    redis.start()
    wait_until(lambda: redis.is_ready, seconds=10, what="Redis")
    yield redis
    redis.process.end()


def hold_a_message(connection: Connection) -> Message:
    """On the connection's own channel, while it waits for another, as Celery's worker does."""
    channel = connection.default_channel
    queue = Queue("work", channel=channel)
    queue.declare()
    connection.Producer(channel).publish({}, routing_key="work")
    taken: list[Message] = []
    connection.Consumer(queue, channel=channel, on_message=taken.append).consume()
    connection.drain_events(timeout=5)
    with suppress(TimeoutError):
        connection.drain_events(timeout=0.2)
    return taken.pop()


def channel_of(message: Message) -> Any:
    return message.channel


def forget(message: Message) -> None:
    """kombu would try once more when Python ends."""
    channel_of(message).qos.restore_at_shutdown = False


def let_go(connection: Connection) -> None:
    """What Celery does first when the broker has gone: it closes while an answer is waited for."""
    channel: Any = connection.default_channel
    with suppress(RedisConnectionError):
        channel.close()
    connection.transport.client = None


@pytest.mark.parametrize(
    ("transport", "error"), [(TRANSPORT, RedisConnectionError), (None, AttributeError)]
)
def test_a_message_that_cannot_be_given_back_is_a_lost_connection(
    own_redis: OwnRedis, transport: str | None, error: type[Exception]
) -> None:
    """The second case is kombu's own transport, and an error that ends the worker."""
    connection = Connection(own_redis.url, transport=transport)
    message = hold_a_message(connection)
    own_redis.process.end()
    let_go(connection)
    with pytest.raises(error):
        channel_of(message).close()
    with pytest.raises(error):
        message.ack()
    forget(message)


def test_a_lost_connection_is_what_celery_expects(own_redis: OwnRedis) -> None:
    connection = Connection(own_redis.url, transport=TRANSPORT)
    message = hold_a_message(connection)
    own_redis.process.end()
    let_go(connection)
    errors: list[BaseException] = []
    connection.maybe_close_channel(channel_of(message))
    message.ack_log_error(LoggerThatCounts(errors), connection.connection_errors)
    forget(message)
    assert len(errors) == 1


def test_what_can_be_given_back_is(own_redis: OwnRedis) -> None:
    connection = Connection(own_redis.url, transport=TRANSPORT)
    hold_a_message(connection)
    connection.close()
    with Connection(own_redis.url, transport=TRANSPORT) as again:
        assert Queue("work", channel=again.default_channel).get() is not None


class LoggerThatCounts:
    def __init__(self, errors: list[BaseException]) -> None:
        self._errors = errors

    def critical(self, _: str, __: Any, error: BaseException, **___: Any) -> None:
        self._errors.append(error)

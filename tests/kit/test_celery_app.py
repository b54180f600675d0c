"""A worker's places for messages, while Redis does not answer; what Flower shows of them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from celery.worker.request import Request
from kombu import Connection, Queue
from redis.exceptions import TimeoutError as RedisTimeout

from service_kit.ids import new_id
from service_kit.messaging.broker import TRANSPORT
from service_kit.messaging.celery_app import DiscreetRequest, describe

PLACES = 1


@pytest.mark.parametrize("verb", ["acknowledge", "reject"])
@pytest.mark.parametrize(("request_class", "is_free"), [(DiscreetRequest, True), (Request, False)])
def test_a_message_that_could_not_be_acknowledged_takes_no_place(
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    request_class: type[Request],
    is_free: bool,
    verb: str,
) -> None:
    """The second is Celery's own, the negative control: it would fetch nothing any more."""
    with Connection(redis_url, transport=TRANSPORT) as connection:
        channel: Any = connection.default_channel
        channel.basic_qos(0, PLACES, False)
        message = take_one(connection, channel)
        assert not channel.qos.can_consume()

        def time_out(*_: Any) -> None:
            raise RedisTimeout

        with monkeypatch.context() as dead_line:
            dead_line.setattr(channel.qos, "_remove_from_indices", time_out)
            getattr(hold(request_class, message, connection), verb)()

        assert channel.qos.can_consume() == is_free


def take_one(connection: Connection, channel: Any) -> Any:
    queue = Queue(f"work-{new_id()}", channel=channel)
    queue.declare()
    connection.Producer(channel).publish({}, routing_key=queue.name)
    taken: list[Any] = []
    with connection.Consumer(queue, channel=channel, on_message=taken.append):
        connection.drain_events(timeout=5)
    [message] = taken
    return message


def hold(request_class: type[Request], message: Any, connection: Connection) -> Any:
    """The message as the worker's own process has it in hand."""
    request = object.__new__(request_class)
    request._message, request.acknowledged = message, False  # type: ignore[attr-defined]
    request._on_ack = message.ack_log_error  # type: ignore[attr-defined]
    request._on_reject = message.reject_log_error  # type: ignore[attr-defined]
    request._connection_errors = connection.connection_errors  # type: ignore[attr-defined]
    request._eventer = None  # type: ignore[attr-defined]
    return request


WRITTEN = datetime(2026, 11, 25, 12, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("messages", "shown"),
    [
        (
            [("booking-confirmed", WRITTEN, "a")],
            "booking-confirmed; written 2026-11-25 12:00:05 UTC; a",
        ),
        ([("user.erased.v1", None, "a")], "user.erased.v1; a"),
        (
            [
                ("event-changed", WRITTEN.astimezone(timezone(timedelta(hours=2))), "a"),
                ("booking-confirmed", None, "b"),
                ("event-changed", WRITTEN - timedelta(minutes=1), "c"),
                ("event-changed", WRITTEN - timedelta(seconds=1), "d"),
            ],
            "3 event-changed, 1 booking-confirmed; "
            "written 2026-11-25 11:59:05 to 2026-11-25 12:00:05 UTC; a, b, c, d",
        ),
    ],
)
def test_a_task_is_shown_by_kinds_times_and_ids(
    messages: list[tuple[str, datetime | None, str]], shown: str
) -> None:
    assert describe(messages) == shown

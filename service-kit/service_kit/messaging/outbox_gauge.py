"""How long the messages of a service wait for the queue: a gauge for Prometheus.

Not a matter of readiness: while the queue is away every process would be red, and nobody could book.
"""

from contextlib import AbstractAsyncContextManager
from typing import Any

from service_kit.messaging.outbox import OutboxQueries, OutboxRow
from service_kit.observability.gauges import watch_in_database


def watch_outbox(state: Any, outbox: type[OutboxRow]) -> AbstractAsyncContextManager[None]:
    """Keeps the gauge fresh while the application runs."""
    return watch_in_database(
        state,
        "outbox_oldest_unpublished_seconds",
        "Age of the oldest message that is not on the queue.",
        OutboxQueries(outbox).oldest_unpublished_seconds,
    )

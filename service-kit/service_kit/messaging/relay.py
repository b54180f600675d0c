"""The relay: takes messages from the outbox to the queue, and asks whether they arrived.

Any number may run; rows are claimed with SKIP LOCKED under a lease. What a crash leaves claimed is
due again when the lease ends, so that a message is put on the queue at least once.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from service_kit import metrics
from service_kit.database.engine import Database
from service_kit.messaging.celery_app import describe
from service_kit.messaging.outbox import OutboxQueries, OutboxRow
from service_kit.messaging.queue_length import QUEUE_IS_FULL, BrokerUnavailable

BATCH = 200
# A message on the queue costs Celery and Redis more than a mail costs its worker: where several wait
# they travel together, as one message for the task that takes a list. The more of them wait the larger
# it is, up to a size at which it leaves something for other processes and ends in good time.
BATCH_SIZE, LARGEST_BATCH_SIZE, SHARES = 20, 50, 4
LEASE = timedelta(seconds=30)
KEPT_AFTER_CONFIRMATION = timedelta(days=7)
PURGED_AT_ONCE = 1_000

log = structlog.get_logger()

FindMissing = Callable[[list[UUID]], Awaitable[list[UUID]]]
Row = tuple[UUID, str, dict[str, Any], str | None]
Publish = Callable[[list[Row]], list[UUID]]


class QueuePublisher:
    """Puts claimed rows on the queue, in a thread, because Celery's producer blocks.

    ``batch_tasks``: for tasks whose messages may travel together, the task that takes a list of them.
    """

    def __init__(self, queue: Celery[Any], batch_tasks: Mapping[str, str]) -> None:
        self._queue = queue
        self._batch_tasks = batch_tasks

    def __call__(self, rows: list[Row]) -> list[UUID]:
        """The ids that the broker took; stops at the first that it did not."""
        taken: list[UUID] = []
        try:
            with self._queue.producer_pool.acquire(block=True, timeout=5) as producer:
                for task, some in _batches(rows, self._batch_tasks):
                    self._send(producer, task, some)
                    taken.extend(row[0] for row in some)
        except (OperationalError, OSError) as error:
            log.warning("relay.queue_unavailable", taken=len(taken), exc_info=error)
        return taken

    def _send(self, producer: Any, task: str, rows: list[Row]) -> None:
        messages = [row[2] for row in rows]
        is_batch = len(rows) > 1
        self._queue.send_task(
            self._batch_tasks[task] if is_batch else task,
            args=[messages if is_batch else messages[0]],
            task_id=None if is_batch else str(rows[0][0]),
            # What Flower shows; the messages themselves hold ticket codes.
            argsrepr=describe([_shown(row) for row in rows]),
            kwargsrepr="{}",
            queue=task.partition(".")[0],
            producer=producer,
            retry=False,
        )
        # By these ./scripts/trace knows the way of a request.
        request_ids = list(dict.fromkeys(row[3] for row in rows if row[3]))
        log.info("relay.queued", task=task, count=len(rows), request_ids=request_ids)


def _shown(row: Row) -> tuple[str, datetime | None, UUID]:
    message = row[2]
    try:
        written_at = datetime.fromisoformat(str(message.get("occurred_at")))
    except ValueError:
        written_at = None
    return str(message.get("kind") or message.get("topic")), written_at, row[0]


def _batches(rows: list[Row], batch_tasks: Mapping[str, str]) -> Iterator[tuple[str, list[Row]]]:
    """Rows in the order in which they came; neighbours for the same task go together."""
    for task, group in itertools.groupby(rows, key=lambda row: row[1]):
        together = list(group)
        size = min(max(BATCH_SIZE, len(together) // SHARES), LARGEST_BATCH_SIZE)
        size = size if task in batch_tasks else 1
        for start in range(0, len(together), size):
            yield task, together[start : start + size]


class Relay:
    """One outbox's way to the queue."""

    def __init__(
        self,
        database: Database,
        outbox: type[OutboxRow],
        *,
        publish: Publish,
        find_missing: FindMissing,
        reconcile_after: timedelta,
        queue_length: Callable[[], Awaitable[int]] | None = None,
        queue_is_full: int = QUEUE_IS_FULL,
    ) -> None:
        self._queue_length = queue_length
        self._queue_is_full = queue_is_full
        self._database = database
        self._outbox = OutboxQueries(outbox)
        self._publish = publish
        self._find_missing = find_missing
        self._reconcile_after = reconcile_after

    async def publish_due(self) -> int:
        """Publishes one batch, unless the queue is full; the number of rows that the queue took.
        Raises BrokerUnavailable."""
        if self._queue_length is not None and await self._queue_length() >= self._queue_is_full:
            return 0
        async with self._database.transaction() as session:
            rows = await self._outbox.claim(session, limit=BATCH, lease=LEASE)
        if not rows:
            return 0
        taken = await asyncio.to_thread(self._publish, rows)
        metrics.PUBLISHED.inc(len(taken))
        left = [row[0] for row in rows[len(taken) :]]
        async with self._database.transaction() as session:
            if taken:
                await self._outbox.mark_published(session, taken)
            if left:
                await self._outbox.postpone(session, left, timedelta(seconds=1))
        if left:
            raise BrokerUnavailable
        log.info("relay.published", count=len(taken))
        return len(taken)

    async def publish_batch(self) -> bool:
        """Whether more than a batch may be due. What comes in ones and twos is left to gather for a
        moment: a row in a batch costs a quarter of a row alone."""
        return await self.publish_due() >= BATCH

    async def reconcile(self) -> int:
        """Asks the consumer what it never saw and has that published again; how many."""
        again = 0
        while True:
            async with self._database.transaction() as session:
                ids = await self._outbox.unconfirmed(
                    session, older_than=self._reconcile_after, limit=BATCH
                )
            if not ids:
                return again
            missing = set(await self._find_missing(ids))
            async with self._database.transaction() as session:
                seen = [one for one in ids if one not in missing]
                if seen:
                    await self._outbox.mark_confirmed(session, seen)
                if missing:
                    await self._outbox.publish_again(session, sorted(missing))
            if missing:
                metrics.PUBLISHED_AGAIN.inc(len(missing))
                log.warning("relay.published_again", count=len(missing))
            again += len(missing)

    async def purge(self) -> bool:
        """Deletes a batch of what is done with; whether there may be more."""
        async with self._database.transaction() as session:
            purged = await self._outbox.purge(
                session, older_than=KEPT_AFTER_CONFIRMATION, limit=PURGED_AT_ONCE
            )
        return purged == PURGED_AT_ONCE

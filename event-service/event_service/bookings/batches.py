"""Requests for one event that are there at the same time are answered together, in order of arrival.

A request that is alone goes at once. While a batch is under way, what arrives for the same event gathers,
and goes as the next one: so a crowd costs PostgreSQL one transaction for many, and a process one connection
for an event.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from typing import Any
from uuid import UUID

import structlog

from event_service.bookings.requests import BookingRequest
from event_service.bookings.schemas import MAX_SEATS_PER_BOOKING
from service_kit.database.errors import means_unavailable
from service_kit.problems import Unavailable

log = structlog.get_logger()

# Larger ones are hardly faster, and whoever comes first waits for all of them.
MAX_BATCH_REQUESTS = 64
# Bounds the transaction, in which one request may have as many.
MAX_BATCH_SEATS = MAX_SEATS_PER_BOOKING
# How far down the queue a batch looks for requests of other persons.
LOOK_AHEAD = 4 * MAX_BATCH_REQUESTS


class Waiting:
    """A request until it is answered."""

    def __init__(self, request: BookingRequest) -> None:
        self.request = request
        self.since = time.monotonic()
        # With the request id, which the message and the log of this request carry.
        self.context: Context = copy_context()
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    @property
    def is_answered(self) -> bool:
        return self.answer.done()

    def settle(self, outcome: Any) -> None:
        """``outcome`` is the answer, or an exception to raise."""
        if self.answer.done():
            # Its client has gone away.
            return
        if isinstance(outcome, BaseException):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


RunBatch = Callable[[UUID, Sequence[Waiting]], Awaitable[None]]


class Batches:
    """A queue for each event that somebody books at the moment.

    ``run`` settles each request of a batch. Where it raises instead, all is undone of those that it has
    not settled; they are tried again in halves, so that one request spoils no other.
    """

    def __init__(
        self,
        run: RunBatch,
        *,
        patience_seconds: float,
        observe_size: Callable[[int], object] = lambda size: None,
        weigh: Callable[[BookingRequest], int] = lambda request: request.body.seat_count,
    ) -> None:
        """``weigh`` says how many seats a request may get: those of a batch are limited."""
        self._run = run
        self._weigh = weigh
        self._observe_size = observe_size
        self._patience_seconds = patience_seconds
        self._queues: dict[UUID, deque[Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, request: BookingRequest) -> Any:
        """The answer to the request. Raises what its batch has raised for it, and Unavailable for a
        request that has waited too long."""
        event_id = request.body.event_id
        waiting = Waiting(request)
        queue = self._queues.get(event_id)
        if queue is None:
            self._queues[event_id] = queue = deque([waiting])
            # In a context of its own: a batch belongs to no one request.
            task = asyncio.create_task(self._work(event_id, queue), context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            queue.append(waiting)
        return await waiting.answer

    async def _work(self, event_id: UUID, queue: deque[Waiting]) -> None:
        batch: list[Waiting] = []
        try:
            while batch := self._next_batch(queue):
                self._observe_size(len(batch))
                await self._answer(event_id, batch)
        finally:
            # Without an await since the queue was found empty, so that nobody joins a queue that ends.
            del self._queues[event_id]
            for waiting in [*batch, *queue]:
                waiting.settle(Unavailable())

    def _next_batch(self, queue: deque[Waiting]) -> list[Waiting]:
        """One request of a person, so that a second one meets what the first has done; and with it one
        request of a key."""
        batch: list[Waiting] = []
        later: list[Waiting] = []
        persons: set[UUID] = set()
        seats = 0
        while queue and len(batch) < MAX_BATCH_REQUESTS and len(batch) + len(later) < LOOK_AHEAD:
            waiting = queue.popleft()
            if waiting.is_answered:
                continue
            if time.monotonic() - waiting.since > self._patience_seconds:
                waiting.settle(Unavailable())
                continue
            request = waiting.request
            if request.user_id in persons:
                later.append(waiting)
                continue
            weight = self._weigh(request)
            if batch and seats + weight > MAX_BATCH_SEATS:
                later.append(waiting)
                break
            persons.add(request.user_id)
            seats += weight
            batch.append(waiting)
        queue.extendleft(reversed(later))
        return batch

    async def _answer(self, event_id: UUID, batch: Sequence[Waiting]) -> None:
        try:
            await self._run(event_id, batch)
        except Exception as error:
            await self._divide(event_id, [each for each in batch if not each.is_answered], error)

    async def _divide(self, event_id: UUID, rest: Sequence[Waiting], error: Exception) -> None:
        if isinstance(error, Unavailable) or means_unavailable(error):
            # It would be no better in halves; and of a lost connection nobody knows what was committed.
            for waiting in rest:
                waiting.settle(Unavailable())
        elif len(rest) == 1:
            rest[0].settle(error)
        else:
            log.warning("batch.divided", requests=len(rest), error=repr(error))
            middle = len(rest) // 2
            for half in (rest[:middle], rest[middle:]):
                if half:
                    await self._answer(event_id, half)

"""The queue of an event: who goes with whom, in which order, and what a failure does to the others."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import pytest
import structlog

from event_service.bookings.batches import (
    LOOK_AHEAD,
    MAX_BATCH_REQUESTS,
    MAX_BATCH_SEATS,
    Batches,
    Waiting,
)
from event_service.bookings.requests import BookingRequest
from service_kit.ids import new_id
from service_kit.problems import Unavailable
from tests.events.batches import request_of

PATIENCE_SECONDS = 60.0


class Counter:
    """Serves batches while its door is open; a ``bad`` request fails the batch that it is in."""

    def __init__(self, kind: type[Batches] = Batches, *, patience: float = PATIENCE_SECONDS):
        self.event_id = new_id()
        self.door = asyncio.Event()
        self.seen: list[list[BookingRequest]] = []
        self.bad: dict[int, Exception] = {}
        self.batches = kind(self._run, patience_seconds=patience)

    async def _run(self, event_id: UUID, batch: Sequence[Waiting]) -> None:
        self.seen.append([waiting.request for waiting in batch])
        await self.door.wait()
        for waiting in batch:
            if error := self.bad.get(id(waiting.request)):
                raise error
        for waiting in batch:
            waiting.settle(waiting.request)

    def request(self, quantity: int = 1, *, by: UUID | None = None) -> BookingRequest:
        return request_of(self.event_id, quantity, by=by)

    async def arrive(self, *requests: BookingRequest) -> list[asyncio.Task[Any]]:
        """They are in the queue, or in the batch that is under way."""
        tasks = [asyncio.create_task(self.batches.join(request)) for request in requests]
        for _ in range(3):
            await asyncio.sleep(0)
        return tasks

    async def is_busy(self) -> asyncio.Task[Any]:
        """The first is under way, so that what comes now gathers."""
        [first] = await self.arrive(self.request())
        assert [len(batch) for batch in self.seen] == [1]
        return first

    async def serve(self, tasks: Sequence[asyncio.Task[Any]]) -> list[Any]:
        self.door.set()
        return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.seen]


@pytest.fixture
async def counter() -> AsyncIterator[Counter]:
    made = Counter()
    yield made
    assert made.batches._queues == {}, "a queue is left when all have their answers"


async def test_who_is_alone_goes_at_once(counter: Counter) -> None:
    """No timer."""
    counter.door.set()
    before = asyncio.get_running_loop().time()
    for _ in range(3):
        await counter.serve(await counter.arrive(counter.request()))
    assert counter.sizes == [1, 1, 1]
    assert asyncio.get_running_loop().time() - before < 1


class LastComeFirstServed(Batches):
    def _next_batch(self, queue: deque[Waiting]) -> list[Waiting]:
        queue.reverse()
        return super()._next_batch(queue)


@pytest.mark.parametrize("kind", [Batches, LastComeFirstServed])
async def test_first_come_first_served(kind: type[Batches]) -> None:
    counter = Counter(kind)
    busy = await counter.is_busy()
    requests = [counter.request() for _ in range(2 * MAX_BATCH_REQUESTS + 5)]
    await counter.serve([busy, *await counter.arrive(*requests)])
    served = [request for batch in counter.seen[1:] for request in batch]
    is_in_order = list(map(id, served)) == list(map(id, requests))
    assert is_in_order == (kind is Batches)
    assert counter.sizes == [1, MAX_BATCH_REQUESTS, MAX_BATCH_REQUESTS, 5]


class AllTogether(Batches):
    def _next_batch(self, queue: deque[Waiting]) -> list[Waiting]:
        batch = list(queue)
        queue.clear()
        return batch


@pytest.mark.parametrize("kind", [Batches, AllTogether])
async def test_a_batch_has_one_request_of_a_person(kind: type[Batches]) -> None:
    """The second comes in the next one, whether it has the same key or none, and keeps its place."""
    counter = Counter(kind)
    busy = await counter.is_busy()
    ann, ben, cleo = new_id(), new_id(), new_id()
    persons = [ann, ann, ben, ann, ben, cleo]
    requests = [counter.request(by=person) for person in persons]
    told = await counter.serve([busy, *await counter.arrive(*requests)])
    assert told[1:] == requests
    served = [[request.user_id for request in batch] for batch in counter.seen[1:]]
    expected = [[ann, ben, cleo], [ann, ben], [ann]]
    assert served == (expected if kind is Batches else [persons])


async def test_one_person_with_a_thousand_requests_keeps_nobody_from_a_batch(
    counter: Counter,
) -> None:
    busy = await counter.is_busy()
    greedy = new_id()
    crowd = [counter.request(by=greedy) for _ in range(LOOK_AHEAD - 1)]
    others = [counter.request() for _ in range(3)]
    tasks = await counter.arrive(*crowd, *others)
    told = await counter.serve([busy, *tasks])
    assert told[1:] == [*crowd, *others]
    # The first batch looks as far as the first of the others, and the next ones at the rest.
    assert counter.sizes[1:4] == [2, 3, 1]


async def test_the_seats_of_a_batch_are_bounded_and_nobody_overtakes_a_large_request(
    counter: Counter,
) -> None:
    busy = await counter.is_busy()
    small, large, last = counter.request(2), counter.request(MAX_BATCH_SEATS), counter.request(1)
    told = await counter.serve([busy, *await counter.arrive(small, large, last)])
    assert told[1:] == [small, large, last]
    assert counter.seen[1:] == [[small], [large], [last]]


class NoHalves(Batches):
    async def _divide(self, event_id: UUID, rest: Sequence[Waiting], error: Exception) -> None:
        for waiting in rest:
            waiting.settle(error)


@pytest.mark.parametrize("kind", [Batches, NoHalves])
@pytest.mark.parametrize("wrong", [{0}, {6}, {2, 3}, {0, 1, 2, 3, 4, 5, 6}])
async def test_a_request_that_fails_spoils_no_other(kind: type[Batches], wrong: set[int]) -> None:
    counter = Counter(kind)
    busy = await counter.is_busy()
    requests = [counter.request() for _ in range(7)]
    counter.bad = {id(requests[n]): ValueError(n) for n in wrong}
    _, *told = await counter.serve([busy, *await counter.arrive(*requests)])
    alone = [counter.bad.get(id(request), request) for request in requests]
    assert (told == alone) == (kind is Batches)
    if kind is NoHalves:
        assert all(isinstance(each, ValueError) for each in told)


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError(), Unavailable()])
async def test_what_may_have_been_committed_is_not_tried_again(
    counter: Counter, error: Exception
) -> None:
    busy = await counter.is_busy()
    requests = [counter.request() for _ in range(6)]
    counter.bad = {id(requests[4]): error}
    _, *told = await counter.serve([busy, *await counter.arrive(*requests)])
    assert [type(each) for each in told] == [Unavailable] * 6
    assert all(each.headers["Retry-After"] for each in told)
    assert counter.sizes == [1, 6]


async def test_who_has_waited_too_long_is_sent_away_and_not_served() -> None:
    counter = Counter(patience=0.05)
    busy = await counter.is_busy()
    early = await counter.arrive(counter.request(), counter.request())
    await asyncio.sleep(0.06)
    late = await counter.arrive(counter.request())
    told = await counter.serve([busy, *early, *late])
    assert isinstance(told[0], BookingRequest) and isinstance(told[3], BookingRequest)
    assert [type(each) for each in told[1:3]] == [Unavailable] * 2
    assert counter.sizes == [1, 1]


async def test_a_client_that_goes_away_while_it_waits_is_not_served(counter: Counter) -> None:
    busy = await counter.is_busy()
    requests = [counter.request() for _ in range(3)]
    tasks = await counter.arrive(*requests)
    tasks[1].cancel()
    await asyncio.wait([tasks[1]])
    told = await counter.serve([busy, *tasks])
    assert [told[1], told[3]] == [requests[0], requests[2]]
    assert counter.seen[1] == [requests[0], requests[2]]


@pytest.mark.parametrize("is_bad", [False, True])
async def test_a_client_that_goes_away_in_a_batch_disturbs_nobody(
    counter: Counter, is_bad: bool
) -> None:
    """Also where the batch fails: what nobody waits for any more is not tried again."""
    requests = [counter.request() for _ in range(3)]
    if is_bad:
        counter.bad = {id(requests[1]): ValueError()}
    tasks = await counter.arrive(*requests)
    assert counter.seen == [requests]
    tasks[1].cancel()
    told = await counter.serve(tasks)
    assert [told[0], told[2]] == [requests[0], requests[2]]
    assert counter.sizes == ([3, 1, 1] if is_bad else [3])


class NoEnd(Batches):
    async def _work(self, event_id: UUID, queue: deque[Waiting]) -> None:
        while batch := self._next_batch(queue):
            await self._answer(event_id, batch)


@pytest.mark.parametrize("kind", [Batches, NoEnd])
async def test_when_the_process_ends_everybody_has_an_answer(kind: type[Batches]) -> None:
    counter = Counter(kind)
    busy = await counter.is_busy()
    tasks = [
        busy,
        *await counter.arrive(*(counter.request() for _ in range(MAX_BATCH_REQUESTS + 3))),
    ]
    for work in counter.batches._tasks:
        work.cancel()
    done, waiting = await asyncio.wait(tasks, timeout=0.2)
    assert (not waiting) == (kind is Batches)
    assert {type(task.exception()) for task in done} <= {Unavailable}
    for task in waiting:
        task.cancel()


async def test_each_event_has_a_queue_of_its_own(counter: Counter) -> None:
    """A batch that waits keeps nobody from another event."""
    busy = await counter.is_busy()
    elsewhere = [request_of(new_id()) for _ in range(3)]
    tasks = await counter.arrive(*elsewhere)
    assert [batch[0] for batch in counter.seen[1:]] == elsewhere
    await counter.serve([busy, *tasks])


@pytest.mark.parametrize("is_own", [True, False])
async def test_each_request_keeps_its_own_request_id(counter: Counter, is_own: bool) -> None:
    """In the context of the batch there is none: the control."""
    ids: dict[int, str | None] = {}

    def request_id() -> Any:
        return structlog.contextvars.get_contextvars().get("request_id")

    async def run(event_id: UUID, batch: Sequence[Waiting]) -> None:
        for waiting in batch:
            seen = waiting.context.run(request_id) if is_own else request_id()
            ids[id(waiting.request)] = seen
            waiting.settle(waiting.request)

    counter.batches._run = run
    requests = [counter.request() for _ in range(4)]

    async def join(number: int) -> None:
        with structlog.contextvars.bound_contextvars(request_id=f"request-{number}"):
            await counter.batches.join(requests[number])

    await asyncio.gather(*map(join, range(4)))
    expected = [f"request-{number}" if is_own else None for number in range(4)]
    assert [ids[id(request)] for request in requests] == expected

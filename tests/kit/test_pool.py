"""Who waits for a connection gets one in their turn."""

import asyncio

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, Pool

from service_kit.database.pool import FairPool, FifoQueue


async def those_served(queue: asyncio.Queue[str]) -> list[str]:
    """One waits; when something comes free, another comes in before the first one can move."""
    served: list[str] = []

    async def take(name: str) -> None:
        await queue.get()
        served.append(name)

    first = asyncio.create_task(take("first"))
    await asyncio.sleep(0)
    queue.put_nowait("connection")
    late = asyncio.create_task(take("late"))
    if queue.qsize():
        queue.get_nowait()
        served.append("newcomer")
        queue.put_nowait("connection")
    await asyncio.wait({first, late}, return_when=asyncio.FIRST_COMPLETED)
    queue.put_nowait("another")
    await asyncio.gather(first, late)
    return served


async def test_nobody_passes_by_whoever_waits() -> None:
    assert await those_served(FifoQueue()) == ["first", "late"]


async def test_in_asyncios_own_queue_a_newcomer_does() -> None:
    """The negative control."""
    assert (await those_served(asyncio.Queue()))[0] == "newcomer"


async def test_what_comes_when_patience_is_over_goes_to_the_next() -> None:
    queue: FifoQueue = FifoQueue()
    impatient = asyncio.create_task(queue.get())
    patient = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put_nowait("connection")
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert await asyncio.wait_for(patient, 5) == "connection"


async def test_who_has_gone_is_passed_over() -> None:
    queue: FifoQueue = FifoQueue()
    gone = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    queue.put_nowait("connection")
    assert queue.get_nowait() == "connection"


@pytest.mark.parametrize(
    ("pool", "order"),
    [
        (FairPool, ["who waits", "newcomer"]),
        # The negative control.
        (AsyncAdaptedQueuePool, ["newcomer", "who waits"]),
    ],
)
async def test_a_connection_that_comes_back_goes_to_whoever_waits(
    postgres_url: str, pool: type[Pool], order: list[str]
) -> None:
    url = postgres_url.replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url, poolclass=pool, pool_size=1, max_overflow=0)
    tasks: list[asyncio.Task[None]] = []
    served: list[str] = []

    async def be_served(name: str) -> None:
        async with engine.connect():
            served.append(name)

    def come(name: str) -> None:
        tasks.append(asyncio.create_task(be_served(name)))

    async with asyncio.timeout(10):
        async with engine.connect():
            come("who waits")
            # Until it stands in the line.
            for _ in range(10):
                await asyncio.sleep(0)
            event.listen(engine.sync_engine.pool, "checkin", lambda *_: come("newcomer"), once=True)
        await asyncio.gather(*tasks)
    await engine.dispose()
    assert served == order

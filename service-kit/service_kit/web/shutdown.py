"""Ending without losing a request: whoever sends requests hears of it before the door is shut."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from service_kit.problems import Problem

# Whoever looks addresses up each second, as the gateway does, asks this one for so long after its door is
# shut. While the process is there it is refused at once and asks another; of an address that is gone it
# would hear nothing, until its time limit.
LINGER_SECONDS = 1.5


class Shutdown:
    """Whether this process was asked to end, and still serves meanwhile."""

    has_begun = False


class ShuttingDown(Problem):
    code, status, title = "leaving", 503, "This process is about to end."

    def __init__(self) -> None:
        super().__init__("Ask another one.", headers={"Retry-After": "1"})


@contextmanager
def drain(shutdown: Shutdown, *, drain_seconds: float) -> Iterator[None]:
    """SIGTERM does what it did before, but so many seconds later. Once: a worker process may hear it
    from its parent and from systemd alike. Who cannot wait sends SIGINT.

    Around the server's own handler, and not in a server of our own: so it holds in each of several
    worker processes too.
    """
    end_now = signal.getsignal(signal.SIGTERM)
    is_main = threading.current_thread() is threading.main_thread()
    if not drain_seconds or not is_main or not callable(end_now):
        yield
        return
    loop = asyncio.get_running_loop()

    def end_later(signum: int, frame: FrameType | None) -> None:
        if not shutdown.has_begun:
            shutdown.has_begun = True
            loop.call_soon_threadsafe(loop.call_later, drain_seconds, end_now, signum, frame)

    signal.signal(signal.SIGTERM, end_later)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, end_now)


async def linger(shutdown: Shutdown) -> None:
    """At the very end of a process that was drained, when its server takes no connection any more."""
    if shutdown.has_begun:
        await asyncio.sleep(LINGER_SECONDS)

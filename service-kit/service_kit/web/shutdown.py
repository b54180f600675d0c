"""Ending without losing a request: whoever sends requests hears of it before the door is shut."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from service_kit.problems import Problem


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

"""Signals that ask a command to end: it undoes what it has begun, and no second one disturbs that."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class Stopped(BaseException):
    """Not taken for an error of the step at which the signal came."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by signal {signum}")
        self.exit_code = 128 + signum


def stop_on_signals() -> None:
    """The first signal raises Stopped, further ones change nothing."""
    for signum in ENDING:
        signal.signal(signum, _stop)


@contextmanager
def undisturbed() -> Iterator[None]:
    """A signal raises Stopped at the end of the block and not within."""
    if threading.current_thread() is not threading.main_thread():
        # No handler runs there.
        yield
        return
    before = {signum: signal.getsignal(signum) for signum in ENDING}
    came: list[int] = []
    # Not SIG_IGN, which programs that are started meanwhile would inherit.
    for signum in ENDING:
        signal.signal(signum, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    if came:
        signal.raise_signal(came[0])


def _stop(signum: int, frame: FrameType | None) -> None:
    for one in ENDING:
        signal.signal(one, lambda *_: None)
    raise Stopped(signum)

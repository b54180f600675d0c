"""The part of the processors that a deployment takes, and each new container until it serves itself.

Both cost seconds of a processor, and people are being served meanwhile on the same machine.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

from deployment.engine import Container, Engine
from deployment.errors import CommandFailed

T = TypeVar("T")

STARTING_SHARES = 64
DEFAULT_SHARES = 1024
# Of all that start at once; each gets LEAST_CPUS, or else a group would take minutes.
STARTING_CPUS = 0.4
LEAST_CPUS = 0.25
# Of two processors one is left to those who serve, whatever starts.
PROCESSORS_PER_START = 2


def give_way() -> None:
    """This process, and all that it starts from now on, works when nobody else has anything to do.

    Niceness is not enough: who is nice is still waited for until its turn ends, some milliseconds, and an
    answer takes dozens of steps between processes. An idle process stops at once.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (AttributeError, OSError):
        # Other systems do not know it, and a container or a service of systemd may not be let.
        os.nice(19)


def starts_at_once() -> int:
    """How many new containers may start at the same time beside those who serve."""
    return max((os.cpu_count() or 1) // PROCESSORS_PER_START, 1)


def in_turn(new: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """In parts of at most ``size``."""
    for first in range(0, len(new), size):
        yield new[first : first + size]


def hold_back(engine: Engine, names: Sequence[str]) -> None:
    """Give containers that start little. Some engines cannot; then it costs the running ones more."""
    with suppress(CommandFailed):
        _update(engine, names, STARTING_SHARES, STARTING_CPUS / slowness(len(names)))


def slowness(number: int) -> float:
    """How many times as long as one alone so many take that start at once."""
    return min(max(number, 1), STARTING_CPUS / LEAST_CPUS)


def give_back(engine: Engine, new: Container, replicas: Sequence[Container] = ()) -> None:
    """Give a new container, seen when it was made, what it was made with. Raises CommandFailed if it stays
    held back: it would serve slowly for good.

    One that a run that was killed has left held back gets what one of its ``replicas`` has.
    """
    own = next((one for one in (new, *replicas) if one.cpu_shares != STARTING_SHARES), None)
    # Nothing takes a limit away again; as many as there are limit nothing.
    everything = float(os.cpu_count() or 1)
    shares = (own and own.cpu_shares) or DEFAULT_SHARES
    try:
        _update(engine, [new.id], shares, (own and own.cpus) or everything)
    except CommandFailed as error:
        # Where an engine cannot hold back, there is nothing to give.
        if engine.inspect(new.id)[0].cpu_shares == STARTING_SHARES:
            raise CommandFailed(f"{new.service}: new container stays held back: {error}") from None


def _update(engine: Engine, names: Sequence[str], shares: int, cpus: float) -> None:
    limits = ("--cpu-shares", str(shares), "--cpus", f"{cpus:.2f}")
    engine.docker("update", *limits, *names)

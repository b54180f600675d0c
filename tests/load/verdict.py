"""Whether a run was good: what was sold, what failed, how long the slowest waited."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Event:
    """An event that the run made. ``sold`` counts the seats that this run booked and did not cancel,
    ``bought`` all that it booked, ``unknown`` those of requests without an answer;
    ``owners`` has for each chosen seat the bookings that are told to have it."""

    id: str
    capacity: int
    is_assigned: bool
    sold: int = 0
    bought: int = 0
    unknown: int = 0
    owners: dict[str, set[str]] = field(default_factory=dict)

    def add(self, booking: Json) -> None:
        self.sold += len(booking["seats"])
        self.bought += len(booking["seats"])
        for seat in booking["seats"]:
            self.owners.setdefault(seat["id"], set()).add(booking["id"])

    @contextmanager
    def asked(self, seats: int) -> Iterator[Callable[[], None]]:
        """While nothing is answered nobody knows what became of ``seats``, and if nothing ever is."""
        self.unknown += seats

        def answered() -> None:
            self.unknown -= seats

        yield answered

    def remove(self, booking: Json) -> None:
        self.sold -= len(booking["seats"])
        for seat in booking["seats"]:
            self.owners[seat["id"]].discard(booking["id"])


@dataclass(frozen=True)
class Request:
    """All requests of one name. ``p99`` is in milliseconds."""

    name: str
    count: int
    failures: int
    p99: float


def faults(
    requests: Iterable[Request],
    events: Iterable[Event],
    availability: Mapping[str, Mapping[str, Any]],
    *,
    p99_limit: float,
    must_sell: bool = False,
) -> list[str]:
    """A line for each thing that must not be; empty if all is well. ``availability``: what the service
    says of each event after the run. Who asked for seats, or ``must_sell``, has to
    get some."""
    found = []
    requests, events = list(requests), list(events)
    if not requests:
        found.append("nothing was asked")
    for one in requests:
        if one.failures:
            found.append(f"{one.name}: {one.failures} of {one.count} requests failed")
        if one.p99 > p99_limit:
            found.append(f"{one.name}: p99 is {one.p99:.0f} ms, more than {p99_limit:.0f}")
    for event in events:
        found += _faults_of(event, availability[event.id])
    # Who hears that somebody was faster is no failure; but then somebody was.
    must_sell = must_sell or any(one.name == "book" for one in requests)
    if must_sell and events and not any(e.bought or e.sold or e.unknown for e in events):
        found.append("nobody got a seat, though seats are free")
    return found


def _faults_of(event: Event, told: Mapping[str, Any]) -> list[str]:
    found = []
    if event.sold > event.capacity:
        found.append(f"event {event.id}: {event.sold} seats sold of {event.capacity}")
    twice = [seat for seat, owners in event.owners.items() if len(owners) > 1]
    if twice:
        found.append(f"event {event.id}: {len(twice)} seats have two owners, such as {twice[0]}")
    taken = told["booked"] + told["held"]
    if abs(taken - event.sold) > event.unknown:
        found.append(
            f"event {event.id}: the service counts {taken} seats, guests have {event.sold}"
        )
    return found

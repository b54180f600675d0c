"""Seats of one event as they should be: a few lists, and nobody else at the same time."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Booked:
    """``tickets`` are codes by seat; ``cancelled`` are those that the guest has cancelled one by one."""

    id: str
    user: int
    status: str
    tickets: dict[str, str]
    cancelled: dict[str, str] = field(default_factory=dict)

    @property
    def seats(self) -> frozenset[str]:
        return frozenset(self.tickets)

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(self.tickets.values())

    @property
    def is_live(self) -> bool:
        return self.status in ("held", "confirmed")


@dataclass
class Waiting:
    user: int
    quantity: int
    # The booking that was offered.
    offer: str = ""


@dataclass
class SeatModel:
    """``limit`` is how many seats one person may have or wait for."""

    capacity: int
    limit: int
    bookings: dict[str, Booked] = field(default_factory=dict)
    line: list[Waiting] = field(default_factory=list)
    checked_in: set[str] = field(default_factory=set)
    is_cancelled: bool = False

    def live(self, status: str | None = None) -> Iterator[Booked]:
        return (b for b in self.bookings.values() if b.is_live and status in (None, b.status))

    def count(self, status: str | None = None) -> int:
        return sum(len(booked.seats) for booked in self.live(status))

    @property
    def free(self) -> int:
        return self.capacity - self.count()

    @property
    def taken(self) -> set[str]:
        return {seat for booked in self.live() for seat in booked.seats}

    @property
    def waiting(self) -> list[Waiting]:
        return [entry for entry in self.line if not entry.offer]

    def uses(self, user: int) -> int:
        """What counts towards a person's limit."""
        waits = sum(entry.quantity for entry in self.waiting if entry.user == user)
        return waits + sum(len(booked.seats) for booked in self.live() if booked.user == user)

    def entry(self, user: int) -> Waiting | None:
        return next((entry for entry in self.line if entry.user == user), None)

    def refusal(self, user: int, wanted: int, chosen: frozenset[str] | None) -> str | None:
        if self.is_cancelled:
            return "sales-closed"
        if self.uses(user) + wanted > self.limit:
            return "seat-limit-reached"
        if chosen:
            return "seats-unavailable" if chosen & self.taken else None
        return "sold-out" if wanted > self.free else None

    def refusal_to_join(self, user: int, wanted: int) -> str | None:
        if self.is_cancelled:
            return "sales-closed"
        if self.entry(user):
            return "already-waiting"
        if wanted > min(self.capacity, self.limit):
            return "never-available"
        if wanted <= self.free:
            return "seats-available"
        return "seat-limit-reached" if self.uses(user) + wanted > self.limit else None

    def refusal_to_cancel(self, booked: Booked, seats: frozenset[str]) -> str | None:
        codes = {booked.tickets[seat] for seat in seats & booked.seats}
        was_used = not self.checked_in.isdisjoint(codes)
        return "checked-in" if booked.status == "confirmed" and was_used else None

    def cancel_seats(self, booked: Booked, seats: frozenset[str]) -> None:
        """Seats that are cancelled already may be among them; a booking without seats has ended."""
        if not booked.is_live:
            return
        seats &= booked.seats
        if seats == booked.seats:
            self.end(booked.id, "cancelled")
            return
        for seat in seats:
            booked.cancelled[seat] = booked.tickets.pop(seat)
        for entry in self.line:
            if entry.offer == booked.id:
                entry.quantity -= len(seats)

    def next_in_line(self) -> Waiting | None:
        """The first whose group fits into what is free."""
        return next((entry for entry in self.waiting if entry.quantity <= self.free), None)

    def end(self, booking: str, status: str) -> None:
        """Whoever lets an offer go leaves the line."""
        self.bookings[booking].status = status
        self.line = [entry for entry in self.line if entry.offer != booking]

    def cancel_event(self) -> None:
        self.is_cancelled = True
        self.line.clear()
        for booked in list(self.live()):
            booked.status = "cancelled"

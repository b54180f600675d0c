"""What a crowd asked for and was told, and what follows from it about who had which seat when.

Times are seconds of this machine's clock, which the database shares. A request takes effect at some
moment between its two times; hence two intervals for each booking: when it certainly had its seats,
and when it possibly had them.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from math import inf

UNKNOWN = "unknown"
BOOKED = "booked"
LIVE = frozenset({"held", "confirmed"})


@dataclass(frozen=True)
class Attempt:
    """A ``POST /bookings``. ``outcome`` is BOOKED, the code of a problem, or UNKNOWN when no answer
    came; ``named`` and ``available`` are what a refusal said."""

    user: str
    wanted: int
    invoked: float
    completed: float
    outcome: str
    chosen: frozenset[str] | None = None
    is_hold: bool = False
    key: str | None = None
    booking: str = ""
    seats: frozenset[str] = frozenset()
    status: str = ""
    expires_at: float | None = None
    is_replay: bool = False
    named: frozenset[str] = frozenset()
    available: int | None = None

    @property
    def body(self) -> tuple[int, frozenset[str] | None, bool]:
        return self.wanted, self.chosen, self.is_hold

    @property
    def origin(self) -> tuple[str, str] | int:
        """Attempts with the same origin make one booking at most."""
        return (self.user, self.key) if self.key else id(self)


@dataclass(frozen=True)
class Change:
    """A confirmation or cancellation; ``outcome`` is the status after it, a problem or UNKNOWN.

    ``seats`` are those that a "cancel-seats" named, ``left`` those that the answer to it shows.
    """

    booking: str
    action: str
    invoked: float
    completed: float
    outcome: str
    seats: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()

    @property
    def may_have_cancelled(self) -> bool:
        return self.outcome in LIVE | {"cancelled", UNKNOWN, "unavailable"}


@dataclass(frozen=True)
class Row:
    """A booking as the database has it in the end; ``holds`` are the seats that point to it, ``cancelled``
    those that were cancelled while it kept others."""

    id: str
    user: str
    status: str
    seats: frozenset[str]
    holds: frozenset[str]
    cancelled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Tenure:
    """When a booking had its seats."""

    booking: str
    user: str
    seats: frozenset[str]
    certain: tuple[float, float]
    possible: tuple[float, float]

    def may_own_at(self, moment: float) -> bool:
        return self.possible[0] <= moment <= self.possible[1]

    def overlaps(self, invoked: float, completed: float) -> bool:
        return self.possible[0] <= completed and invoked <= self.possible[1]


@dataclass
class History:
    """Of one event with these ``seats``, from its first sale to a moment when all is quiet."""

    seats: frozenset[str]
    max_per_user: int
    attempts: list[Attempt] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    # What the counts that are shown add up to in the end.
    held: int | None = None
    booked: int | None = None

    @cached_property
    def answers(self) -> dict[str, list[Attempt]]:
        """By booking: who was told that it is there."""
        found: dict[str, list[Attempt]] = defaultdict(list)
        for attempt in self.attempts:
            if attempt.outcome == BOOKED:
                found[attempt.booking].append(attempt)
        return found

    @cached_property
    def by_origin(self) -> dict[tuple[str, str] | int, list[Attempt]]:
        found: dict[tuple[str, str] | int, list[Attempt]] = defaultdict(list)
        for attempt in self.attempts:
            found[attempt.origin].append(attempt)
        return found

    @cached_property
    def changes_of(self) -> dict[str, list[Change]]:
        found: dict[str, list[Change]] = defaultdict(list)
        for change in self.changes:
            found[change.booking].append(change)
        return found

    @cached_property
    def tenures(self) -> list[Tenure]:
        told = [tenure for booking in self.answers for tenure in self._tenures(booking)]
        return told + [
            Tenure(row.id, row.user, row.seats, (inf, inf), (origin[0].invoked, inf))
            for row, origin in self.unannounced.items()
        ]

    def _tenures(self, booking: str) -> list[Tenure]:
        """One for all seats that were named by the same cancellations."""
        by_changes: dict[frozenset[Change], set[str]] = defaultdict(set)
        for seat in self.answers[booking][0].seats:
            named = (c for c in self.changes_of[booking] if c.action == "cancel-seats")
            by_changes[frozenset(c for c in named if seat in c.seats)].add(seat)
        return [
            self._tenure(booking, frozenset(seats), changes)
            for changes, seats in by_changes.items()
        ]

    def _tenure(self, booking: str, seats: frozenset[str], of_seats: frozenset[Change]) -> Tenure:
        answers = self.answers[booking]
        first = answers[0]
        begun = min(attempt.invoked for attempt in self.by_origin[first.origin])
        told = [attempt.completed for attempt in answers if attempt.status in LIVE]
        cancels = [*(c for c in self.changes_of[booking] if c.action == "cancel"), *of_seats]
        confirms = [c for c in self.changes_of[booking] if c.action == "confirm"]
        expires_at = next((a.expires_at for a in answers if a.expires_at is not None), None)
        certain_to = min((c.invoked for c in cancels), default=inf)
        done = (c for c in cancels if c.outcome == "cancelled" or c in of_seats)
        possible_to = min(
            (c.completed for c in done if c.outcome in LIVE | {"cancelled"}), default=inf
        )
        if first.is_hold and not any(c.outcome == "confirmed" for c in confirms):
            # Of a hold whose end nobody was told nothing is certain.
            certain_to = min(certain_to, expires_at or -inf)
            if expires_at is not None and not any(c.outcome == UNKNOWN for c in confirms):
                possible_to = min(possible_to, expires_at)
        certain = (min(told, default=inf), certain_to)
        return Tenure(booking, first.user, seats, certain, (begun, possible_to))

    @cached_property
    def unannounced(self) -> dict[Row, list[Attempt]]:
        """Rows that no client was told of, with the attempt that got no answer and made each."""
        free = [
            attempts
            for attempts in self.by_origin.values()
            if any(a.outcome == UNKNOWN for a in attempts)
            and not any(a.outcome == BOOKED for a in attempts)
        ]
        found: dict[Row, list[Attempt]] = {}
        for row in self.rows:
            if row.id in self.answers:
                continue
            origin = next((attempts for attempts in free if _may_have_made(attempts, row)), None)
            if origin is not None:
                free.remove(origin)
                found[row] = origin
        return found

    def overlapping(self, invoked: float, completed: float) -> list[Tenure]:
        return [tenure for tenure in self.tenures if tenure.overlaps(invoked, completed)]


def moments(tenures: Iterable[Tenure], invoked: float, completed: float) -> list[float]:
    """When, between the two, most seats may have been taken: ownership only grows at a beginning."""
    begins = (tenure.possible[0] for tenure in tenures)
    return [invoked, *(moment for moment in begins if invoked < moment <= completed)]


def _may_have_made(attempts: list[Attempt], row: Row) -> bool:
    return any(
        attempt.outcome == UNKNOWN
        and attempt.user == row.user
        and attempt.wanted == len(row.seats)
        and attempt.chosen in (None, row.seats)
        for attempt in attempts
    )

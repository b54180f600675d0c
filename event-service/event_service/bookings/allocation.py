"""Which seats the requests of a batch get, in order of arrival."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from event_service.bookings.free_seats import GroupRequest, SeatChoice
from event_service.bookings.requests import BookingRequest, Outcome
from event_service.bookings.schemas import BookingCreate
from event_service.bookings.sql import statements
from event_service.problems import SeatsUnavailable, SoldOut
from event_service.statuses import SeatingKind, SeatKind
from service_kit.database.sql_files import Record, SqlConnection
from service_kit.problems import InvalidRequest


class SeatPool:
    """Locked seats, from which one request after another is served; each seat goes out once.

    Seats are rows with ``id``, ``position`` and ``is_lapsed``. O(n log n) for n seats once, then O(seats of
    the request).
    """

    def __init__(self, seats: Iterable[Any]) -> None:
        self._by_id = {seat.id: seat for seat in seats}
        # The last is the first in the hall; seats of lapsed holds go when no others are left.
        self._in_order = sorted(
            self._by_id.values(), key=lambda seat: (seat.is_lapsed, seat.position), reverse=True
        )

    def take_chosen(self, seat_ids: Sequence[UUID]) -> list[Any]:
        """Raises SeatsUnavailable unless all are free."""
        missing = [seat_id for seat_id in seat_ids if seat_id not in self._by_id]
        if missing:
            raise SeatsUnavailable(seat_ids=sorted(str(seat_id) for seat_id in missing))
        taken = [self._by_id.pop(seat_id) for seat_id in seat_ids]
        return sorted(taken, key=lambda seat: int(seat.position))

    def take_any(self, quantity: int) -> list[Any] | None:
        """The first free seats; None, and none taken, if there are fewer."""
        if quantity > len(self._by_id):
            return None
        taken: list[Any] = []
        while len(taken) < quantity:
            seat = self._in_order.pop()
            # One that was chosen meanwhile has gone.
            if self._by_id.pop(seat.id, None) is not None:
                taken.append(seat)
        return taken

    def take(self, body: BookingCreate) -> list[Any] | None:
        if body.seat_ids is not None:
            return self.take_chosen(body.seat_ids)
        return self.take_any(body.seat_count)


async def take_seats(
    connection: SqlConnection,
    event: Record,
    requests: Sequence[BookingRequest],
    outcomes: list[Outcome],
    *,
    waits: bool,
) -> dict[int, list[Any]]:
    """Locked seats by the number of the request; only requests without an outcome get any.

    Requests that get none have their problem in ``outcomes``. From the first on for which that is not
    certain, since others have locked seats and may give them back, all are left without. With ``waits``
    it is: that is for a transaction which holds no locks on seats yet.
    """
    undecided = {
        number: request.body
        for number, (request, outcome) in enumerate(zip(requests, outcomes, strict=True))
        if outcome is None
    }
    if event.seating == SeatingKind.ASSIGNED:
        return await _take_groups(connection, event, undecided, outcomes)
    return await _take_any(connection, event, undecided, outcomes, waits=waits)


async def _take_any(
    connection: SqlConnection,
    event: Record,
    undecided: dict[int, BookingCreate],
    outcomes: list[Outcome],
    *,
    waits: bool,
) -> dict[int, list[Any]]:
    """General admission: the first free seats."""
    pool = await _lock_any(connection, event, undecided.values(), waits=waits)
    taken: dict[int, list[Any]] = {}
    free: int | None = None
    for number, body in undecided.items():
        try:
            seats = pool.take(body)
        except SeatsUnavailable as problem:
            outcomes[number] = problem
            continue
        if seats is not None:
            taken[number] = seats
            continue
        if not waits:
            break
        if free is None:
            free = await statements.count_free_seats.value(connection, event_id=event.id)
        # Those that this transaction has taken still count as free.
        available = free - sum(map(len, taken.values()))
        if available >= body.seat_count:
            break
        outcomes[number] = SoldOut(available=available)
    return taken


async def _lock_any(
    connection: SqlConnection, event: Record, bodies: Iterable[BookingCreate], *, waits: bool
) -> SeatPool:
    """Enough free seats for all of them, and the chosen ones, where there are."""
    bodies = list(bodies)
    chosen = [seat_id for body in bodies for seat_id in body.seat_ids or ()]
    wanted = sum(body.quantity or 0 for body in bodies)
    parameters = {"event_id": event.id, "price": event.price}
    if waits:
        # Chosen seats may be any of those that are free.
        limit = None if chosen else wanted
        return SeatPool(
            await statements.lock_seats_waiting.rows(connection, **parameters, seats=limit)
        )
    seats: list[Any] = []
    if chosen:
        seats += await statements.lock_chosen_seats.rows(connection, **parameters, seat_ids=chosen)
    if wanted:
        # Some of the first may be chosen by others of the batch.
        seats += await statements.lock_any_seats.rows(
            connection, **parameters, seats=wanted + len(chosen)
        )
    return SeatPool(seats)


async def _take_groups(
    connection: SqlConnection,
    event: Record,
    undecided: dict[int, BookingCreate],
    outcomes: list[Outcome],
) -> dict[int, list[Any]]:
    """Assigned seats: chosen ones, and groups that are chosen here from a look at free ones."""
    choice = SeatChoice(connection, event.id)
    sections = await _known_sections(connection, event, undecided.values())
    wanted: dict[int, Sequence[UUID]] = {}
    has_chosen = False
    for number, body in undecided.items():
        if body.seat_ids is not None:
            wanted[number], has_chosen = body.seat_ids, True
            continue
        if body.section is not None and body.section not in sections:
            # A look for its seats would read through the hall.
            outcomes[number] = InvalidRequest.field("section", "The event has no such section.")
            continue
        group = GroupRequest(body.seat_count, body.section, body.kind or SeatKind.STANDARD)
        chosen = await choice.choose(group)
        if chosen is not None:
            wanted[number] = chosen
        elif has_chosen:
            # Those who have chosen their seats may not get them.
            break
        else:
            outcomes[number] = SoldOut(
                available=choice.free.count(section=group.section, kind=group.kind)
            )
    seats = await statements.lock_chosen_seats.rows(
        connection,
        event_id=event.id,
        price=event.price,
        seat_ids=[seat_id for seat_ids in wanted.values() for seat_id in seat_ids],
    )
    pool = SeatPool(seats)
    taken: dict[int, list[Any]] = {}
    for number, seat_ids in wanted.items():
        try:
            taken[number] = pool.take_chosen(seat_ids)
        except SeatsUnavailable as problem:
            if undecided[number].seat_ids is None:
                # Somebody was faster: it chooses again.
                break
            outcomes[number] = problem
    return taken


async def _known_sections(
    connection: SqlConnection, event: Record, bodies: Iterable[BookingCreate]
) -> frozenset[str]:
    """The sections that are asked for and that the event has."""
    names = sorted({body.section for body in bodies if body.section is not None})
    if not names:
        return frozenset()
    rows = await statements.list_named_sections.rows(connection, event_id=event.id, names=names)
    return frozenset(row.name for row in rows)

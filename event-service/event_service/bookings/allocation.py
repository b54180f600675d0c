"""Which of the seats that a batch has locked goes to which of its requests: pure, in order of arrival."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from event_service.bookings.requests import BookingRequest
from event_service.problems import SeatsUnavailable


class SeatPool:
    """Free seats, from which one request after another is served; each seat goes out once.

    Seats are rows with ``id`` and ``position``. O(n log n) for n seats once, then O(seats of the request).
    """

    def __init__(self, seats: Iterable[Any]) -> None:
        self._by_id = {seat.id: seat for seat in seats}
        # The last is the first in the hall.
        self._in_order = sorted(
            self._by_id.values(), key=lambda seat: int(seat.position), reverse=True
        )

    def __len__(self) -> int:
        return len(self._by_id)

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


def take(pool: SeatPool, request: BookingRequest) -> list[Any] | None:
    """The seats for a request; None if the pool has not enough. Raises SeatsUnavailable."""
    body = request.body
    if body.seat_ids is not None:
        return pool.take_chosen(body.seat_ids)
    return pool.take_any(body.seat_count)

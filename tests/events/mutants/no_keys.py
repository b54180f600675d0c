"""Pays no attention to the client's key."""

from dataclasses import replace
from typing import Any

from event_service.bookings.create import BookingDesk
from event_service.bookings.requests import BookingRequest
from tests.events.mutants.serving import serve_mutant

book = BookingDesk.book


async def book_without_key(self: BookingDesk, request: BookingRequest) -> Any:
    return await book(self, replace(request, key=None))


if __name__ == "__main__":
    BookingDesk.book = book_without_key  # type: ignore[method-assign]
    serve_mutant()

"""Pays no attention to the client's key."""

from dataclasses import replace
from typing import Any

from event_service.bookings import booking
from tests.events.unguarded.serving import serve_unguarded

book = booking.book


async def book_without_key(database: Any, request: booking.Request) -> Any:
    return await book(database, replace(request, key=None))


if __name__ == "__main__":
    booking.book = book_without_key
    serve_unguarded()

"""Pays no attention to the client's key."""

from dataclasses import replace
from typing import Any

from event_service.bookings import create
from tests.events.mutants.serving import serve_mutant

book = create.book


async def book_without_key(database: Any, request: create.BookingRequest) -> Any:
    return await book(database, replace(request, key=None))


if __name__ == "__main__":
    create.book = book_without_key
    serve_mutant()

"""Requests that are there at the same time, and what becomes of each."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from event_service.bookings.batches import Batches, Waiting
from event_service.bookings.requests import BookingRequest
from event_service.bookings.schemas import BookingCreate
from service_kit.ids import new_id


def request_of(event_id: UUID, quantity: int = 1, *, by: UUID | None = None) -> BookingRequest:
    body = BookingCreate(event_id=event_id, quantity=quantity)
    return BookingRequest(user_id=by or new_id(), body=body)


def record_batches(batches: Batches) -> list[list[BookingRequest]]:
    """The requests of each transaction from now on, in order."""
    run = batches._run
    recorded: list[list[BookingRequest]] = []

    async def run_and_record(event_id: UUID, batch: Sequence[Waiting]) -> None:
        recorded.append([waiting.request for waiting in batch])
        await run(event_id, batch)

    batches._run = run_and_record
    return recorded


async def book_at_once(desk: Any, requests: Sequence[BookingRequest]) -> list[Any]:
    """What ``desk.book`` returns or raises for each; they arrive in this order, before any is booked."""
    return await asyncio.gather(*map(desk.book, requests), return_exceptions=True)

"""Bookings as they are answered, in the form of BookingPublic, without an object for each seat: one
booking may have 10,000, and Python would keep everybody waiting."""

from collections.abc import Iterable
from typing import Any

import orjson
from fastapi import Response, status

Json = dict[str, Any]


def booking_fields(booking: Any, status_now: str) -> Json:
    """All but the seats. ``booking`` is a Booking or a NewBooking."""
    return {
        "id": booking.id,
        "event_id": booking.event_id,
        "status": status_now,
        "total": booking.total,
        "currency": booking.currency,
        "created_at": booking.created_at,
        "expires_at": booking.expires_at if status_now in ("held", "expired") else None,
    }


def seats_of(tickets: Iterable[Any]) -> list[Json]:
    """Of tickets in the order of their positions, as ``queries.list_seats`` has PostgreSQL write them."""
    return [
        {
            "id": ticket.seat_id,
            "section": ticket.section,
            "row": ticket.row_name,
            "number": ticket.number,
            "ticket_code": ticket.code,
        }
        for ticket in tickets
    ]


def encode(document: Json) -> bytes:
    """Moments end with a Z, as everywhere in the API."""
    # asyncpg's UUID is a subclass, which orjson leaves to ``default``.
    return orjson.dumps(document, default=str, option=orjson.OPT_UTC_Z)


def respond(
    document: Json, status_code: int = status.HTTP_200_OK, headers: dict[str, str] | None = None
) -> Response:
    return Response(encode(document), status_code, headers, "application/json")

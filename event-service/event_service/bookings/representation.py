"""Bookings in the form of BookingPublic, without an object for each seat: a booking may have 10,000, which
would block the event loop."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson
from fastapi import Response, status

from event_service.rules import can_cancel
from event_service.statuses import BookingStatus

Json = dict[str, Any]

# What each booking says of its event.
EVENT_FIELDS = ("title", "starts_at", "ends_at", "timezone", "venue", "city")
HOLDS = frozenset({BookingStatus.HELD, BookingStatus.EXPIRED})


def booking_fields(
    booking: Any,
    status_now: BookingStatus,
    event: Any,
    *,
    now: datetime,
    is_checked_in: bool = False,
) -> Json:
    """All fields but the seats.

    ``booking`` and ``event`` are rows or objects with the columns of those tables; ``is_checked_in``:
    whether somebody was let in with the booking.
    """
    return {
        "id": booking.id,
        "event_id": booking.event_id,
        "status": status_now,
        "guest_name": booking.guest_name,
        "total": booking.total,
        "currency": booking.currency,
        "created_at": booking.created_at,
        "expires_at": booking.expires_at if status_now in HOLDS else None,
        "can_cancel": can_cancel(status_now, event, now, is_checked_in=is_checked_in),
        **{name: getattr(event, name) for name in EVENT_FIELDS},
    }


def seats_of(tickets: Iterable[Any]) -> list[Json]:
    """The seats of tickets in the order of positions, in the same form as ``queries.list_seats``."""
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
    """Times end with a Z, as everywhere in the API."""
    # orjson does not serialize asyncpg's subclass of UUID by itself.
    return orjson.dumps(document, default=str, option=orjson.OPT_UTC_Z)


def respond(
    document: Json, status_code: int = status.HTTP_200_OK, headers: dict[str, str] | None = None
) -> Response:
    return Response(encode(document), status_code, headers, "application/json")

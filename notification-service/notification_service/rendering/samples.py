"""Messages for previews: one of each kind, about an event that nobody can book."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from notification_service.messages.contents import KINDS, Content, read_content
from notification_service.rendering.letter import Link, Reader
from service_kit.clock import utc_now

BOOKING_ID = UUID("0198c0de-0000-7000-8000-00000000b00c")
EVENT_ID = UUID("0198c0de-0000-7000-8000-00000000e4e7")
NAMES = {"en": "Ada Lovelace", "ru": "Софья Ковалевская"}


def sample_content(kind: str) -> Content:
    return read_content(kind, sample_data(kind))


def sample_reader(locale: str) -> Reader:
    return Reader(name=NAMES.get(locale, NAMES["en"]), locale=locale)


def sample_link() -> Link:
    return Link(token="sample-token", expires_at=utc_now() + timedelta(hours=1))


def sample_data(kind: str) -> dict[str, Any]:
    """The ``data`` that the message of this kind has."""
    event = _event()
    about_event = {"event_id": str(EVENT_ID), "event": event}
    booking = about_event | {
        "booking_id": str(BOOKING_ID),
        "status": "confirmed",
        "quantity": 2,
        "total": 9800,
        "currency": "EUR",
        "seats": [_seat(12), _seat(13)],
    }
    special: dict[str, dict[str, Any]] = {
        "booking-cancelled": booking | {"status": "cancelled"},
        "hold-expired": booking | {"status": "expired"},
        "event-changed": about_event
        | {
            "booking_ids": [str(BOOKING_ID)],
            "changes": {
                "venue": ["Old Gasworks", event["venue"]],
                "starts_at": [(_starts_at() - timedelta(hours=1)).isoformat(), event["starts_at"]],
            },
            "reason": "The old hall was too small for all of you.",
        },
        "event-cancelled": about_event
        | {"booking_ids": [str(BOOKING_ID)], "reason": "The pianist is ill."},
        "waitlist-offer": about_event
        | {
            "booking_id": str(BOOKING_ID),
            "quantity": 2,
            "expires_at": (utc_now() + timedelta(hours=1)).isoformat(),
        },
        "organizer-message": about_event
        | {
            "subject": "Doors open an hour earlier",
            "body": "Dear all,\n\ndoors open at 18:30, and the bar with them.\nCome early!",
        },
        "verify-email": {},
        "reset-password": {},
        "email-change-notice": {},
    }
    return special.get(kind, booking if kind in KINDS else {})


def _starts_at() -> Any:
    tomorrow = utc_now() + timedelta(days=1)
    return tomorrow.replace(hour=18, minute=30, second=0, microsecond=0)


def _event() -> dict[str, Any]:
    starts_at = _starts_at()
    return {
        "title": "Goldberg Variations by Candlelight",
        "description": "Two pianos, one evening.",
        "venue": "Kesselhaus",
        "city": "Berlin",
        "timezone": "Europe/Berlin",
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=2, minutes=30)).isoformat(),
    }


def _seat(number: int) -> dict[str, Any]:
    return {
        "id": str(UUID(int=BOOKING_ID.int + number)),
        "section": "Stalls",
        "row": "C",
        "number": number,
        "ticket_code": f"SAMPLE-{number:04}-NOT-VALID",
    }

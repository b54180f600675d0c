"""Messages for previews: one of each kind, about an event that nobody can book."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from notification_service.messages.contents import KINDS, Content, read_content
from notification_service.rendering.letter import Link, Reader
from service_kit.clock import utc_now

BOOKING_ID = UUID("0198c0de-0000-7000-8000-00000000b00c")
EVENT_ID = UUID("0198c0de-0000-7000-8000-00000000e4e7")
WORDS = {
    "en": {
        "name": "Ada Lovelace",
        "title": "Goldberg Variations by Candlelight",
        "description": "Two pianos, one evening.",
        "venue": "Kesselhaus",
        "old_venue": "Old Gasworks",
        "city": "Berlin",
        "section": "Stalls",
        "moved": "The old hall was too small for all of you.",
        "ill": "The pianist is ill.",
        "subject": "Doors open an hour earlier",
        "body": "Dear all,\n\ndoors open at 18:30, and the bar with them.\nCome early!",
    },
    "ru": {
        "name": "Софья Ковалевская",
        "title": "Гольдберг-вариации при свечах",
        "description": "Два рояля, один вечер.",
        "venue": "Котельная",
        "old_venue": "Старый газовый завод",
        "city": "Берлин",
        "section": "Партер",
        "moved": "Прежний зал оказался мал для всех вас.",
        "ill": "Пианистка больна.",
        "subject": "Двери откроются на час раньше",
        "body": "Друзья!\n\nДвери откроются в 18:30, и буфет тоже.\nПриходите пораньше!",
    },
}


def sample_content(kind: str, locale: str = "en") -> Content:
    return read_content(kind, sample_data(kind, locale))


def sample_reader(locale: str) -> Reader:
    return Reader(name=WORDS[locale]["name"], locale=locale)


def sample_link() -> Link:
    return Link(token="sample-token", expires_at=utc_now() + timedelta(hours=1))


def sample_data(kind: str, locale: str = "en") -> dict[str, Any]:
    """The ``data`` that the message of this kind has."""
    words = WORDS[locale]
    event = _event(words)
    about_event = {"event_id": str(EVENT_ID), "event": event}
    booking = about_event | {
        "booking_id": str(BOOKING_ID),
        "status": "confirmed",
        "quantity": 2,
        "total": 9800,
        "currency": "EUR",
        "seats": [_seat(12, words), _seat(13, words)],
    }
    special: dict[str, dict[str, Any]] = {
        "booking-cancelled": booking | {"status": "cancelled"},
        "hold-expired": booking | {"status": "expired"},
        "event-changed": about_event
        | {
            "booking_ids": [str(BOOKING_ID)],
            "changes": {
                "venue": [words["old_venue"], event["venue"]],
                "starts_at": [(_starts_at() - timedelta(hours=1)).isoformat(), event["starts_at"]],
            },
            "reason": words["moved"],
        },
        "event-cancelled": about_event | {"booking_ids": [str(BOOKING_ID)], "reason": words["ill"]},
        "waitlist-offer": about_event
        | {
            "booking_id": str(BOOKING_ID),
            "quantity": 2,
            "expires_at": (utc_now() + timedelta(hours=1)).isoformat(),
        },
        "organizer-message": about_event
        | {
            "subject": words["subject"],
            "body": words["body"],
        },
        "verify-email": {},
        "reset-password": {},
        "email-change-notice": {},
        "password-changed": {},
    }
    return special.get(kind, booking if kind in KINDS else {})


def _starts_at() -> Any:
    tomorrow = utc_now() + timedelta(days=1)
    return tomorrow.replace(hour=18, minute=30, second=0, microsecond=0)


def _event(words: dict[str, str]) -> dict[str, Any]:
    starts_at = _starts_at()
    return {
        **{name: words[name] for name in ("title", "description", "venue", "city")},
        "timezone": "Europe/Berlin",
        "starts_at": starts_at.isoformat(),
        "cancellation_deadline": (starts_at - timedelta(hours=6)).isoformat(),
        "ends_at": (starts_at + timedelta(hours=2, minutes=30)).isoformat(),
        "version": 2,
    }


def _seat(number: int, words: dict[str, str]) -> dict[str, Any]:
    return {
        "id": str(UUID(int=BOOKING_ID.int + number)),
        "section": words["section"],
        "row": "C",
        "number": number,
        "ticket_code": f"SAMPLE-{number:04}-NOT-VALID",
    }

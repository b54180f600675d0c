"""Texts and snapshots for samples: a booking of an event that nobody can book."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from service_kit.clock import utc_now

BOOKING_ID = UUID("0198c0de-0000-7000-8000-00000000b00c")
EVENT_ID = UUID("0198c0de-0000-7000-8000-00000000e4e7")
TEXTS = {
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
        "organizer": "Kesselhaus Music Society",
        "payment": "Pay at the box office, in cash or by card.",
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
        "organizer": "Музыкальное общество Котельной",
        "payment": "Оплата в кассе, наличными или картой.",
        "body": "Друзья!\n\nДвери откроются в 18:30, и буфет тоже.\nПриходите пораньше!",
    },
}


class SampleTexts:
    """One language's sample. ``texts["title"]`` is a text; the methods give parts of messages."""

    def __init__(self, locale: str) -> None:
        self._texts = TEXTS[locale]

    def __getitem__(self, name: str) -> str:
        return self._texts[name]

    def starts_at(self) -> datetime:
        tomorrow = utc_now() + timedelta(days=1)
        return tomorrow.replace(hour=18, minute=30, second=0, microsecond=0)

    def event(self) -> dict[str, Any]:
        """The ids and the snapshot that every message about an event has."""
        starts_at = self.starts_at()
        snapshot = {
            **{name: self[name] for name in ("title", "description", "venue", "city")},
            "timezone": "Europe/Berlin",
            "starts_at": starts_at.isoformat(),
            "cancellation_deadline": (starts_at - timedelta(hours=6)).isoformat(),
            "doors_at": (starts_at - timedelta(hours=1)).isoformat(),
            "organizer_name": self["organizer"],
            "payment_note": self["payment"],
            "ends_at": (starts_at + timedelta(hours=2, minutes=30)).isoformat(),
            "version": 2,
        }
        return {"event_id": str(EVENT_ID), "event": snapshot}

    def booking(self, status: str) -> dict[str, Any]:
        return self.event() | {
            "booking_id": str(BOOKING_ID),
            "status": status,
            "quantity": 2,
            "total": 9800,
            "currency": "EUR",
            "seats": [self.seat(12), self.seat(13)],
        }

    def seat(self, number: int) -> dict[str, Any]:
        return {
            "id": str(UUID(int=BOOKING_ID.int + number)),
            "section": self["section"],
            "row": "C",
            "number": number,
            "ticket_code": f"SAMPLE-{number:04}-NOT-VALID",
        }

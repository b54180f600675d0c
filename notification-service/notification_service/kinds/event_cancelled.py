"""Tells guests and those on the waitlist that an event does not take place."""

from typing import Any, ClassVar

from notification_service.kinds.events import EventNews
from notification_service.kinds.sample_texts import BOOKING_ID, SampleTexts
from service_kit.calendar_files import Status


class EventCancelled(EventNews):
    kind: ClassVar[str] = "event-cancelled"
    calendar_status: ClassVar[Status | None] = "CANCELLED"

    @classmethod
    def sample(cls, texts: SampleTexts) -> dict[str, Any]:
        return texts.event() | {"booking_ids": [str(BOOKING_ID)], "reason": texts["ill"]}

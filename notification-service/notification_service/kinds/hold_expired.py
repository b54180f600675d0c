"""Tells a guest that seats were held but not confirmed in time."""

from typing import Any, ClassVar

from notification_service.kinds.base import SupersededBy
from notification_service.kinds.bookings import BookingPayload
from notification_service.kinds.sample_texts import SampleTexts


class HoldExpired(BookingPayload):
    kind: ClassVar[str] = "hold-expired"
    superseded_by: ClassVar[SupersededBy] = SupersededBy(about_event=("event-cancelled",))

    @classmethod
    def sample(cls, texts: SampleTexts) -> dict[str, Any]:
        return texts.booking("expired")

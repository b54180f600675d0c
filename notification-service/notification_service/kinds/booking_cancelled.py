"""Tells a guest that a booking is cancelled, and takes it out of the calendar."""

from typing import Any, ClassVar

from notification_service.kinds.bookings import BookingPayload
from notification_service.kinds.sample_texts import SampleTexts
from service_kit.calendar_files import Status


class BookingCancelled(BookingPayload):
    kind: ClassVar[str] = "booking-cancelled"
    keeps_order: ClassVar[bool] = True
    calendar_status: ClassVar[Status | None] = "CANCELLED"

    @classmethod
    def sample(cls, texts: SampleTexts) -> dict[str, Any]:
        return texts.booking("cancelled")

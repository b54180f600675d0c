"""Tells a guest that a booking is confirmed: the tickets, and an entry for the calendar."""

from typing import Any, ClassVar

from notification_service.kinds.base import SupersededBy
from notification_service.kinds.bookings import BookingPayload
from notification_service.kinds.sample_texts import SampleTexts
from service_kit.calendar_files import Status


class BookingConfirmed(BookingPayload):
    kind: ClassVar[str] = "booking-confirmed"
    # Either mail about cancelled seats makes tickets of this one invalid; the latter brings the others.
    superseded_by: ClassVar[SupersededBy] = SupersededBy(
        about_booking=("booking-cancelled", "seats-cancelled"), about_event=("event-cancelled",)
    )
    shows_tickets: ClassVar[bool] = True
    calendar_status: ClassVar[Status | None] = "CONFIRMED"

    @classmethod
    def sample(cls, texts: SampleTexts) -> dict[str, Any]:
        return texts.booking("confirmed")

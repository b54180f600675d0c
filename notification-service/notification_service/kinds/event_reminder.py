"""Reminds a guest of an event a day before it, with the tickets. Guests may unsubscribe."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from notification_service.kinds.base import SupersededBy
from notification_service.kinds.bookings import BookingPayload
from notification_service.kinds.sample_texts import SampleTexts

# A reminder is written a day before the event, and may be an hour early.
REMINDED_BEFORE_START = timedelta(hours=25)


class EventReminder(BookingPayload):
    kind: ClassVar[str] = "event-reminder"
    superseded_by: ClassVar[SupersededBy] = SupersededBy(
        about_booking=("booking-cancelled",),
        # It holds the tickets that are still valid, and the event's time.
        later_about_booking=("seats-cancelled",),
        about_event=("event-cancelled",),
        newer_about_booking=True,
    )
    keeps_order: ClassVar[bool] = True
    follows: ClassVar[str | None] = "booking-confirmed"
    is_optional: ClassVar[bool] = True
    shows_tickets: ClassVar[bool] = True
    expired_note: ClassVar[str] = "The event had begun."

    def is_expired(self, now: datetime) -> bool:
        return self.event.starts_at <= now

    def replaced_note(self, original: Self, now: datetime) -> str | None:
        starts_at = self.event.starts_at
        has_moved = starts_at != original.event.starts_at
        if has_moved and starts_at - now > REMINDED_BEFORE_START:
            return "The event has moved; there will be another reminder."
        return None

    @classmethod
    def sample(cls, texts: SampleTexts) -> dict[str, Any]:
        return texts.booking("confirmed")

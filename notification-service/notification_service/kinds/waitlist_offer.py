"""Offers seats that became free to the next person on the waitlist, until a deadline."""

from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from pydantic import Field

from notification_service.kinds.base import MAX_COUNT, Instant, SupersededBy
from notification_service.kinds.events import EventPayload
from notification_service.kinds.sample_texts import BOOKING_ID, SampleTexts
from notification_service.rendering.context import RenderContext
from service_kit.clock import utc_now
from service_kit.timezones import zone_of


class WaitlistOffer(EventPayload):
    kind: ClassVar[str] = "waitlist-offer"
    superseded_by: ClassVar[SupersededBy] = SupersededBy(
        about_booking=("booking-confirmed", "booking-cancelled", "hold-expired"),
        about_event=("event-cancelled",),
    )
    expired_note: ClassVar[str] = "The offer had ended."

    booking_id: UUID
    quantity: int = Field(ge=1, le=MAX_COUNT)
    expires_at: Instant

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at <= now

    def template_values(self, context: RenderContext) -> dict[str, Any]:
        zone = zone_of(self.event.timezone)
        return super().template_values(context) | {
            "booking_url": context.page(f"bookings/{self.booking_id}"),
            "quantity": self.quantity,
            "offer_ends": context.formats.day_and_time(self.expires_at, zone),
        }

    @classmethod
    def sample(cls, texts: SampleTexts) -> dict[str, Any]:
        return texts.event() | {
            "booking_id": str(BOOKING_ID),
            "quantity": 2,
            "expires_at": (utc_now() + timedelta(hours=1)).isoformat(),
        }

"""Tells a guest which seats of a booking are cancelled, and which it keeps, with their tickets."""

from typing import Any, ClassVar

from pydantic import Field

from notification_service.kinds.base import SupersededBy
from notification_service.kinds.bookings import BookingPayload, Seat, ticket_values
from notification_service.kinds.sample_texts import SampleTexts
from notification_service.rendering.context import RenderContext
from service_kit.calendar_files import Status

# More codes would bury the tickets that are still valid; the booking's page has those.
MAX_CANCELLED_TICKETS = 20


class SeatsCancelled(BookingPayload):
    kind: ClassVar[str] = "seats-cancelled"
    superseded_by: ClassVar[SupersededBy] = SupersededBy(
        about_booking=("booking-cancelled",), about_event=("event-cancelled",)
    )
    keeps_order: ClassVar[bool] = True
    shows_tickets: ClassVar[bool] = True
    # The event stays in the calendar: this mail replaces a confirmation that was not sent yet.
    calendar_status: ClassVar[Status | None] = "CONFIRMED"

    # The first of them; ``cancelled_quantity`` says how many there are.
    cancelled_seats: list[Seat] = []
    cancelled_quantity: int = Field(ge=1)

    def template_values(self, context: RenderContext) -> dict[str, Any]:
        shown = self.cancelled_seats[:MAX_CANCELLED_TICKETS]
        return super().template_values(context) | {
            "cancelled_tickets": [
                # Without numbers a seat is known by its code: those that are kept are counted from 1.
                ticket_values(context, index, seat) | ({} if seat.number else {"location": ""})
                for index, seat in enumerate(shown, start=1)
            ],
            "cancelled_quantity": self.cancelled_quantity,
            "more_cancelled": max(0, self.cancelled_quantity - len(shown)),
        }

    @classmethod
    def sample(cls, texts: SampleTexts) -> dict[str, Any]:
        return texts.booking("confirmed") | {
            "cancelled_seats": [texts.seat(14)],
            "cancelled_quantity": 1,
        }

"""What the kinds about a booking share: its seats, its price, and how mails show tickets."""

from functools import lru_cache
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from notification_service.kinds.base import MAX_AMOUNT, MAX_COUNT, Instant, Label, Line
from notification_service.kinds.events import EVENT_CACHE_SIZE, EventPayload, EventSnapshot
from notification_service.rendering.context import RenderContext
from notification_service.rendering.formats import formats_for
from notification_service.rendering.texts import inline_text
from service_kit.timezones import zone_of

# More would make a mail that servers refuse; the booking's page has them all.
MAX_TICKETS = 20


class Seat(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: UUID
    section: Label = None
    row: Label = None
    number: Label = None
    ticket_code: Annotated[Line, Field(min_length=1, max_length=200)]


class BookingPayload(EventPayload):
    """Base of the kinds about a booking."""

    shows_tickets: ClassVar[bool] = False
    # The kind about the same booking that goes first; this one waits for an hour after it.
    follows: ClassVar[str | None] = None

    booking_id: UUID
    quantity: int = Field(ge=1, le=MAX_COUNT)
    total: int = Field(ge=0, le=MAX_AMOUNT)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    # The first of them: a mail shows some, and ``quantity`` says how many there are.
    seats: list[Seat] = []
    expires_at: Instant | None = None

    def calendar_bookings(self) -> list[UUID]:
        return [self.booking_id]

    def template_values(self, context: RenderContext) -> dict[str, Any]:
        shown = self.seats[:MAX_TICKETS] if self.shows_tickets else []
        return super().template_values(context) | {
            "booking_url": context.page(f"bookings/{self.booking_id}"),
            "quantity": self.quantity,
            "total": context.formats.money(self.total, self.currency),
            "tickets": [ticket_values(context, i, seat) for i, seat in enumerate(shown, start=1)],
            "cancel_until": _cancel_until(self.event, context),
            "more_tickets": max(0, self.quantity - len(shown)) if self.shows_tickets else 0,
        }


def ticket_values(context: RenderContext, index: int, seat: Seat) -> dict[str, Any]:
    """What templates show of a ticket, the ``index``-th of a list. Seats without numbers go by it."""
    labels = {"section": seat.section, "row": seat.row, "number": seat.number}
    shown = {name: label and inline_text(label) for name, label in labels.items()}
    location = context.texts.location({"index": index, **shown})
    return {"location": str(location), "code": seat.ticket_code, "cid": f"ticket-{index}@parterre"}


def _cancel_until(event: EventSnapshot, context: RenderContext) -> str | None:
    is_open = context.now < event.last_cancellation
    return _last_cancellation(event, context.locale) if is_open else None


@lru_cache(maxsize=EVENT_CACHE_SIZE)
def _last_cancellation(event: EventSnapshot, locale: str) -> str:
    return formats_for(locale).day_and_time(event.last_cancellation, zone_of(event.timezone))

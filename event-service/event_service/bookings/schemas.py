"""Bookings as they come in and go out; the form is the API contract's."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

# Each is a row and a code to be made while others wait.
MAX_SEATS_PER_BOOKING = 10_000

Status = Literal["held", "confirmed", "cancelled", "expired"]


class BookingCreate(BaseModel):
    """A name that is not taken is refused: a misspelled ``hold`` would book for good."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"event_id": "0198c0de-0000-7000-8000-000000000000", "quantity": 2}]
        },
    )

    event_id: UUID
    seat_ids: (
        Annotated[list[UUID], Field(min_length=1, max_length=1_000, fail_fast=True)] | None
    ) = None
    quantity: Annotated[int, Field(ge=1, le=MAX_SEATS_PER_BOOKING, strict=True)] | None = None
    hold: StrictBool = False

    @model_validator(mode="after")
    def seats_or_a_number(self) -> Self:
        if (self.seat_ids is None) == (self.quantity is None):
            raise ValueError("give seat_ids or quantity, and not both")
        if self.seat_ids and len(set(self.seat_ids)) != len(self.seat_ids):
            raise ValueError("a seat is named twice")
        return self

    @property
    def seats_wanted(self) -> int:
        return self.quantity or len(self.seat_ids or ())


class WholeBooking(BaseModel):
    """What is done to a booking is done to all of it: who names some seats is refused."""

    model_config = ConfigDict(extra="forbid")


class BookedSeat(BaseModel):
    id: UUID
    section: str | None
    row: str | None
    number: int | None
    ticket_code: str


class BookingPublic(BaseModel):
    id: UUID
    event_id: UUID
    status: Status
    seats: list[BookedSeat]
    total: int = Field(description="In minor units.")
    currency: str
    created_at: datetime
    expires_at: datetime | None = Field(None, description="When a hold ends.")


class OrganizerBooking(BookingPublic):
    """A booking as the organizer of its event sees it."""

    user_id: UUID


class BookingQuery(BaseModel):
    status: Status | None = None
    event_id: UUID | None = None

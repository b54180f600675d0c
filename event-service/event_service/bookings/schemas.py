"""Bodies of requests and answers about bookings, as the API contract has them."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator

from event_service.bookings.guest_names import GuestName
from event_service.statuses import BookingStatus, SeatKind
from service_kit.text import Line

# Each is a row and a ticket code in the transaction of the booking.
MAX_SEATS_PER_BOOKING = 10_000
# Of a name, an id or a ticket code.
MAX_SEARCH = 200


def _each_once(seat_ids: list[UUID]) -> list[UUID]:
    if len(set(seat_ids)) != len(seat_ids):
        raise ValueError("a seat is named twice")
    return seat_ids


SeatIds = Annotated[
    list[UUID], Field(min_length=1, max_length=1_000, fail_fast=True), AfterValidator(_each_once)
]


class BookingCreate(BaseModel):
    """Unknown fields are refused: a misspelled ``hold`` would book instead."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"event_id": "0198c0de-0000-7000-8000-000000000000", "quantity": 2}]
        },
    )

    event_id: UUID
    seat_ids: SeatIds | None = None
    quantity: Annotated[int, Field(ge=1, le=MAX_SEATS_PER_BOOKING, strict=True)] | None = None
    hold: StrictBool = False
    section: Annotated[str, Line(100)] | None = Field(
        None, description="With assigned seats and a quantity: adjacent seats in this section only."
    )
    kind: Literal[SeatKind.STANDARD, SeatKind.ACCESSIBLE] | None = Field(
        None, description="With assigned seats and a quantity; standard unless you say accessible."
    )

    @model_validator(mode="after")
    def seats_or_a_number(self) -> Self:
        if (self.seat_ids is None) == (self.quantity is None):
            raise ValueError("give seat_ids or quantity, and not both")
        if self.seat_ids and self.names_a_part:
            raise ValueError("section and kind go with quantity, not with seat_ids")
        return self

    @property
    def names_a_part(self) -> bool:
        """Whether only some seats of the event will do."""
        return self.section is not None or self.kind is not None

    @property
    def seat_count(self) -> int:
        return self.quantity or len(self.seat_ids or ())


class WholeBooking(BaseModel):
    """An empty body: confirming concerns all seats, and a body that names some is refused."""

    model_config = ConfigDict(extra="forbid")


class BookingCancel(BaseModel):
    """The seats to cancel. Unknown fields are refused: a misspelled ``seat_ids`` would cancel all."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"seat_ids": ["0198c0de-0000-7000-8000-000000000000"]}]},
    )

    seat_ids: SeatIds | None = Field(
        None, description="Of the booking; without them the whole booking is cancelled."
    )


class BookedSeat(BaseModel):
    id: UUID
    section: str | None
    row: str | None
    number: int | None
    ticket_code: str = Field(examples=["7K3M-9QXT-2BVA-WD5H"])


class BookingChanges(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"guest_name": "Ada Lovelace"}]}
    )

    guest_name: GuestName | None = Field(description="Null or nothing visible removes the name.")


class BookingPublic(BaseModel):
    id: UUID
    event_id: UUID
    status: BookingStatus
    guest_name: str | None
    seats: list[BookedSeat]
    total: int = Field(description="In minor units.")
    currency: str
    created_at: datetime
    expires_at: datetime | None = Field(None, description="When a hold ends.")
    can_cancel: bool = Field(description="Whether the guest may cancel the whole booking now.")
    title: str = Field(description="The event's, as the fields below.")
    starts_at: datetime
    ends_at: datetime
    timezone: str
    venue: str
    city: str


class GuestPublic(BaseModel):
    name: str | None = Field(
        description="The booking's ``guest_name``; without one, the name in the account's profile."
    )
    email: str | None = Field(
        description="Null while auth-service does not answer, and of an erased account."
    )


class OrganizerBooking(BookingPublic):
    """A booking as the organizer of its event sees it."""

    user_id: UUID
    guest: GuestPublic
    is_checked_in: bool = Field(description="Whether somebody was let in with the booking.")


class BookingQuery(BaseModel):
    status: BookingStatus | None = None
    event_id: UUID | None = None


class OrganizerBookingQuery(BaseModel):
    status: BookingStatus | None = None
    checked_in: bool | None = Field(
        None, description="Whether somebody was let in with the booking."
    )
    q: Annotated[str, Line(MAX_SEARCH, min_length=0)] | None = Field(
        None,
        description="A part of the guest's name, in any case and without accents; the beginning of the"
        " booking's id; or a ticket code.",
    )

"""Bodies of the doors' requests and answers."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from event_service.checkin.schemas import MAX_TICKET_CODE, CheckedInSeat
from event_service.events.fields import Instant
from service_kit.text import Line

MAX_SCANS = 100
EXAMPLE_ID = "0198c0de-0000-7000-8000-000000000000"


class DoorLinkCreate(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Main entrance"}]}
    )

    name: Annotated[str, Line(100)] = Field(description="Whose link it is, or where it is used.")


class DoorLinkPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    created_at: datetime
    expires_at: datetime = Field(description="When the event ends, as it is planned now.")
    last_used_at: datetime | None
    withdrawn_at: datetime | None


class NewDoorLink(DoorLinkPublic):
    """The token is shown once; only its hash is stored."""

    token: str = Field(description="For the header X-Door-Token.")
    url: str = Field(
        description="The page of the door. What stands behind its # reaches no server."
    )
    qr_svg: str = Field(
        description="The address as a QR code, for the camera of the helper's phone."
    )


class DoorPublic(BaseModel):
    """What whoever stands at a door has to know."""

    event_id: UUID
    title: str
    venue: str
    city: str
    timezone: str
    starts_at: datetime
    ends_at: datetime
    door: str | None = Field(description="The name of the link; null for the organizer.")
    checked_in: int
    capacity: int


class SnapshotTicket(BaseModel):
    hash: str = Field(
        description="The first 32 hexadecimal digits of SHA-256 of the event's id, a colon and the code"
        " without hyphens."
    )
    section: str | None
    row: str | None
    number: int | None
    is_checked_in: bool


class DoorSnapshot(BaseModel):
    """The tickets that are valid now, for a phone that scans without a network. Names are left out: a
    phone may be lost."""

    event_id: UUID
    tickets: list[SnapshotTicket]


class Scan(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: UUID = Field(description="Made by the phone: a scan that is sent again counts once.")
    ticket_code: Annotated[str, Line(MAX_TICKET_CODE)] | None = None
    seat_id: UUID | None = Field(
        None, description="Instead of a code, for a guest who was found by name."
    )
    scanned_at: Instant | None = Field(None, description="Without it, now.")

    @model_validator(mode="after")
    def names_one_ticket(self) -> Self:
        if (self.ticket_code is None) == (self.seat_id is None):
            raise ValueError("either ticket_code or seat_id is needed")
        return self


class Scans(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"scans": [{"id": EXAMPLE_ID, "ticket_code": "7K3M-9QXT-2BVA-WD5H"}]}]
        },
    )

    scans: Annotated[list[Scan], Field(min_length=1, max_length=MAX_SCANS)]

    @model_validator(mode="after")
    def ids_differ(self) -> Self:
        if len({scan.id for scan in self.scans}) < len(self.scans):
            raise ValueError("two scans have the same id")
        return self


class ScanResult(StrEnum):
    CHECKED_IN = "checked-in"
    ALREADY_CHECKED_IN = "already-checked-in"
    UNKNOWN_TICKET = "unknown-ticket"


class ScanAnswer(BaseModel):
    id: UUID
    result: ScanResult
    ticket_code: str | None = Field(description="Null for a seat that nobody has booked.")
    guest_name: str | None = None
    seat: CheckedInSeat | None = None
    checked_in_at: datetime | None = None
    checked_in_door: str | None = Field(
        None,
        description="The door that admitted with this ticket before; null: the organizer, or nobody.",
    )


class ScanAnswers(BaseModel):
    results: list[ScanAnswer] = Field(description="In the order of the scans.")
    checked_in: int = Field(description="Tickets of the event that are checked in.")
    capacity: int


class DoorGuest(BaseModel):
    """A ticket, found by the name of its guest. Its code is left out: a door link prints no tickets."""

    guest_name: str
    seat: CheckedInSeat
    checked_in_at: datetime | None


class DoorGuests(BaseModel):
    items: list[DoorGuest]
    has_more: bool = Field(description="Whether more tickets match than are shown.")


class ConflictPublic(BaseModel):
    """A ticket that was scanned once more after somebody had been admitted with it."""

    id: UUID = Field(description="Of the later scan, as the phone called it.")
    booking_id: UUID
    ticket_code: str
    guest_name: str | None
    seat: CheckedInSeat
    checked_in_at: datetime | None = Field(description="Null where it was undone since.")
    first_door: str | None = Field(description="Where they were admitted; null: by the organizer.")
    door: str | None = Field(description="Where the ticket was scanned once more.")
    scanned_at: datetime
    received_at: datetime

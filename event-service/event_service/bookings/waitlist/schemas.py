"""Bodies of the waitlist's requests and answers, as the API contract has them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from event_service.bookings.schemas import GuestPublic
from event_service.rules import MAX_SEATS
from event_service.statuses import WaitlistStatus


class WaitlistJoin(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"quantity": 2}]})

    quantity: Annotated[int, Field(ge=1, le=MAX_SEATS, strict=True)]


class Offer(BaseModel):
    booking_id: UUID
    expires_at: datetime = Field(
        description="Confirm the booking before, or its seats are offered to the next."
    )


class WaitlistEntryPublic(BaseModel):
    """A person's entry on the waitlist of an event."""

    status: WaitlistStatus
    position: int = Field(description="1 is the first on the waitlist; 0 with an offer.")
    quantity: int
    reason: str = Field(description="Why the entry has this status, in plain words.")
    joined_at: datetime
    offer: Offer | None


class OrganizerWaitlistEntry(BaseModel):
    """An entry as the organizer of its event sees it."""

    user_id: UUID
    guest: GuestPublic
    status: WaitlistStatus
    position: int = Field(description="1 is the first on the waitlist; 0 with an offer.")
    quantity: int
    joined_at: datetime
    offer: Offer | None


class OwnWaitlistEntry(WaitlistEntryPublic):
    """An entry in the list of one's own entries, with its event."""

    event_id: UUID

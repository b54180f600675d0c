"""The waitlist as it comes in and goes out; the form is the API contract's."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from event_service.events.schemas import MAX_SEATS


class WaitlistJoin(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"quantity": 2}]})

    quantity: Annotated[int, Field(ge=1, le=MAX_SEATS, strict=True)]


class Offer(BaseModel):
    booking_id: UUID
    expires_at: datetime = Field(description="Confirm the booking before, or it goes on.")


class WaitlistPlace(BaseModel):
    """A person's place in the line of an event."""

    status: Literal["waiting", "offered"]
    position: int = Field(description="1 is the first in line; 0 with an offer.")
    quantity: int
    reason: str = Field(description="Why it is so, in plain words.")
    joined_at: datetime
    offer: Offer | None


class OwnWaitlistEntry(WaitlistPlace):
    """One of one's own places, with the event that it is in the line of."""

    event_id: UUID

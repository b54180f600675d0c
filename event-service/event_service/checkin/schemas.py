"""Bodies of check-in's requests and answers, as the API contract has them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from service_kit.text import Line

# Codes are shorter; scanners add prefixes, and people spaces.
MAX_TICKET_CODE = 200


class CheckInCreate(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"ticket_code": "7K3M-9QXT-2BVA-WD5H"}]},
    )

    ticket_code: Annotated[str, Line(MAX_TICKET_CODE)]


class CheckedInSeat(BaseModel):
    """With general admission only the id is set."""

    id: UUID
    section: str | None
    row: str | None
    number: int | None


class CheckInPublic(BaseModel):
    ticket_code: str
    booking_id: UUID
    guest_name: str | None
    seat: CheckedInSeat
    checked_in_at: datetime
    checked_in: int = Field(description="Tickets of the event that are checked in, with this one.")
    capacity: int = Field(description="Seats of the event.")

"""Bodies of the halls' requests and answers."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from event_service.events.plans import SectionIn, Sections
from service_kit.text import Line

HallName = Annotated[str, Line(100)]
EXAMPLE: dict[str, Any] = {
    "name": "Town hall, great room",
    "sections": [{"name": "Stalls", "price": 5000, "rows": [{"name": "A", "seats": "ssss_aass"}]}],
}


class HallCreate(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    name: HallName
    sections: Sections | None = None
    event_id: UUID | None = Field(
        None, description="In place of `sections`: as this event has them."
    )

    @model_validator(mode="after")
    def one_plan(self) -> Self:
        if (self.sections is None) == (self.event_id is None):
            raise ValueError("takes either sections or event_id")
        return self


class HallUpdate(BaseModel):
    """The whole hall: what is left out is not there any more."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    name: HallName
    sections: Sections


class HallSummary(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    seats: int = Field(description="Those that are sold.")
    created_at: datetime
    updated_at: datetime


class HallPublic(HallSummary):
    sections: list[SectionIn] = Field(description="In the form of `seating` of a new event.")

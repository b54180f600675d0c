"""Bodies of the routes about erased accounts."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Erasure(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"user_id": "0198c0de-0000-7000-8000-000000000000"}]}
    )

    user_id: UUID


class OrganizerPublic(BaseModel):
    upcoming_events: int = Field(description="Published events that have not ended.")

"""Plans of halls that organizers keep."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from event_service.models.base import Base
from service_kit.clock import utc_now
from service_kit.ids import new_id


class HallTemplate(Base, table=True):
    """A plan under a name of its owner's. No event refers to it: an event takes a copy."""

    __tablename__: ClassVar[str] = "hall_template"
    __table_args__ = (
        # GET /halls, and those of an erased account
        Index("ix_hall_template_owner", "owner_id", "id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    owner_id: UUID
    name: str
    seats: int
    # As they are sent to make an event.
    sections: list[dict[str, Any]] = Field(sa_type=JSONB)
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)

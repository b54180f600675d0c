"""Links for the door of an event, and what was scanned there."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import Field

from event_service.models.base import Base, partial_index
from service_kit.ids import new_id


class DoorLink(Base, table=True):
    """With its token, of which only the hash is stored, anybody may check in for the event until it ends."""

    __tablename__: ClassVar[str] = "door_link"
    __table_args__ = (
        # GET /events/{id}/door-links
        Index("ix_door_link_event", "event_id", "id"),
        Index("uq_door_link_token_hash", "token_hash", unique=True),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    event_id: UUID = Field(foreign_key="event.id", ondelete="CASCADE")
    name: str
    token_hash: str
    created_at: datetime
    last_used_at: datetime | None = None
    withdrawn_at: datetime | None = None


class DoorScan(Base, table=True):
    """A scan of a ticket at a door, under the id that the phone gave it. ``is_admitted``: whether the ticket
    was checked in by it; another scan of the same ticket is a conflict."""

    __tablename__: ClassVar[str] = "door_scan"
    __table_args__ = (
        ForeignKeyConstraint(
            ["booking_id", "seat_id"],
            ["ticket.booking_id", "ticket.seat_id"],
            name="fk_door_scan_ticket",
            ondelete="CASCADE",
        ),
        # the scans of a ticket, also when it is cancelled
        Index("ix_door_scan_ticket", "booking_id", "seat_id"),
        # GET /events/{id}/door-conflicts
        partial_index(
            "ix_door_scan_conflict", "event_id", "received_at", "id", where="NOT is_admitted"
        ),
    )

    event_id: UUID = Field(primary_key=True, foreign_key="event.id", ondelete="CASCADE")
    id: UUID = Field(primary_key=True)
    # None: by the organizer.
    door_link_id: UUID | None = None
    booking_id: UUID
    seat_id: UUID
    scanned_at: datetime
    received_at: datetime
    is_admitted: bool

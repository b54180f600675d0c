"""Sections and seats of an event, and how many seats are held and booked."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlmodel import Field

from event_service.models.base import Base, partial_index
from service_kit.ids import new_id


class Section(Base, table=True):
    """A section of assigned seating, with its own price or the event's."""

    __table_args__ = (
        CheckConstraint("price >= 0", name="price"),
        Index("uq_section_event_id_name", "event_id", "name", unique=True),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    event_id: UUID = Field(foreign_key="event.id", ondelete="CASCADE")
    name: str
    price: int | None = None
    position: int


class Seat(Base, table=True):
    """One seat, with general admission too; it belongs to one booking at most.

    It is free without a booking or when its hold has lapsed (rules.IS_FREE): no sweep is needed.
    """

    __table_args__ = (
        CheckConstraint("booking_id IS NOT NULL OR held_until IS NULL", name="held_by_somebody"),
        # A booking is inserted after its seats are updated, in the same transaction.
        ForeignKeyConstraint(
            ["booking_id"],
            ["booking.id"],
            name="fk_seat_booking_id",
            deferrable=True,
            initially="DEFERRED",
        ),
        # the seat map in order; positions are unique
        Index("uq_seat_event_id_position", "event_id", "position", unique=True),
        # any n free seats from some position on
        partial_index("ix_seat_free", "event_id", "position", where="booking_id IS NULL"),
        # seats of lapsed holds
        partial_index("ix_seat_held", "event_id", "held_until", where="held_until IS NOT NULL"),
        # deleting a section: its foreign key looks for seats
        partial_index("ix_seat_section", "section_id", where="section_id IS NOT NULL"),
        # the seats of a booking that is cancelled, confirmed or expired
        partial_index("ix_seat_booking", "booking_id", where="booking_id IS NOT NULL"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    event_id: UUID = Field(foreign_key="event.id", ondelete="CASCADE")
    section_id: UUID | None = Field(default=None, foreign_key="section.id")
    row_name: str | None = None
    number: int | None = None
    position: int
    booking_id: UUID | None = None
    held_until: datetime | None = None


class SeatTally(Base, table=True):
    """The numbers of held and booked seats of an event: sums over its rows.

    A booking inserts a row and updates none, so that a hot event has no hot row; maintenance.fold_tallies
    sums rows up. For display only: what may be sold is decided on the seats.
    """

    __tablename__: ClassVar[str] = "seat_tally"
    __table_args__ = (
        Index("ix_seat_tally_event", "event_id"),
        # rows since the last fold
        partial_index("ix_seat_tally_new", "event_id", where="NOT folded"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    event_id: UUID = Field(foreign_key="event.id", ondelete="CASCADE")
    held: int = 0
    booked: int = 0
    folded: bool = False

"""Sections and seats of an event, and how many seats are held and booked."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, text
from sqlmodel import Field

from event_service.models.base import Base, partial_index
from event_service.statuses import EnumText, Numbering, SeatKind
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


class SeatRow(Base, table=True):
    """A row as it stands in the hall: its position in its section, from the front, its ends and how its
    seats are numbered.

    ``width`` counts all columns, also those behind the last seat; NULL where nothing is behind it. For the
    choice of adjacent seats, and for plans. A row that an earlier release has added may have none.
    """

    __tablename__: ClassVar[str] = "seat_row"

    section_id: UUID = Field(primary_key=True, foreign_key="section.id", ondelete="CASCADE")
    name: str = Field(primary_key=True)
    position: int
    first_column: int
    last_column: int
    width: int | None = None
    numbering: Numbering = Field(
        default=Numbering.LEFT,
        sa_column=Column(EnumText(Numbering), nullable=False, server_default=text("'left'")),
    )


class BlockedSeat(Base, table=True):
    """A seat of a plan that is not sold. It is no ``seat``, so that no statement can book it."""

    __tablename__: ClassVar[str] = "blocked_seat"
    __table_args__ = (
        # the seat map
        Index("ix_blocked_seat_event", "event_id", "position"),
        # deleting a section
        Index("ix_blocked_seat_section", "section_id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    event_id: UUID = Field(foreign_key="event.id", ondelete="CASCADE")
    section_id: UUID = Field(foreign_key="section.id", ondelete="CASCADE")
    row_name: str
    number: int
    column_number: int
    # Among the seats of the event, which have the other positions.
    position: int


class Seat(Base, table=True):
    """One seat, with general admission too; it belongs to one booking at most.

    It is free without a booking or when its hold has lapsed (rules.IS_FREE): no sweep is needed.
    """

    __table_args__ = (
        CheckConstraint("booking_id IS NOT NULL OR held_until IS NULL", name="held_by_somebody"),
        CheckConstraint("kind IN ('standard', 'accessible')", name="kind"),
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
        # the free seats of a section from the front
        partial_index(
            "ix_seat_free_section",
            "section_id",
            "position",
            where="booking_id IS NULL AND section_id IS NOT NULL",
        ),
        # free accessible seats from the front
        partial_index(
            "ix_seat_free_accessible",
            "event_id",
            "position",
            where="booking_id IS NULL AND kind = 'accessible'",
        ),
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
    # The position in the row from the left, gaps counted; NULL where it is the number.
    column_number: int | None = None
    kind: SeatKind = Field(
        default=SeatKind.STANDARD,
        sa_column=Column(EnumText(SeatKind), nullable=False, server_default=text("'standard'")),
    )
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

"""Bookings with their tickets, and what limits and repeats them."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index
from sqlmodel import Field

from event_service.models.base import Base, partial_index
from event_service.statuses import BookingStatus, EnumText, one_of
from service_kit.clock import utc_now
from service_kit.ids import new_id

IS_HELD = f"status = '{BookingStatus.HELD}'"


class Booking(Base, table=True):
    __table_args__ = (
        CheckConstraint(one_of("status", BookingStatus), name="status"),
        CheckConstraint("quantity >= 1", name="quantity"),
        CheckConstraint(f"({IS_HELD}) <= (expires_at IS NOT NULL)", name="holds_end"),
        # GET /bookings
        Index("ix_booking_user", "user_id", "id"),
        # GET /events/{id}/bookings, cancelling an event
        Index("ix_booking_event", "event_id", "id"),
        # the sweeper: lapsed holds
        partial_index("ix_booking_expiry", "expires_at", where=IS_HELD),
        # seats_available: lapsed holds of an event before the sweep. Only holds have ``expires_at``; a
        # condition on the status would be a parameter, which a prepared plan cannot match.
        partial_index("ix_booking_held", "event_id", "expires_at", where="expires_at IS NOT NULL"),
        # holds of an erased account
        partial_index("ix_booking_holder", "user_id", where="expires_at IS NOT NULL"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    event_id: UUID = Field(foreign_key="event.id")
    user_id: UUID
    status: BookingStatus = Field(sa_column=Column(EnumText(BookingStatus), nullable=False))
    quantity: int
    total: int = Field(sa_type=BigInteger)
    currency: str
    created_at: datetime = Field(default_factory=utc_now)
    expires_at: datetime | None = None
    # Of former holds; other bookings are confirmed at ``created_at``.
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    # The ``starts_at`` of the last reminder: an event that is moved gets another one.
    reminded_of: datetime | None = None
    # What the guest is called: at first as the account's profile says, then as the guest says.
    guest_name: str | None = None


class Ticket(Base, table=True):
    """A booked seat with its price and code; it stays when the seat is sold again."""

    __table_args__ = (
        # check-in by code
        Index("uq_ticket_code", "code", unique=True),
        # whether somebody was let in with a booking, and how many of an event were
        partial_index("ix_ticket_checked_in", "booking_id", where="checked_in_at IS NOT NULL"),
    )

    booking_id: UUID = Field(primary_key=True, foreign_key="booking.id", ondelete="CASCADE")
    seat_id: UUID = Field(primary_key=True)
    position: int
    section: str | None = None
    row_name: str | None = None
    number: int | None = None
    price: int
    code: str
    checked_in_at: datetime | None = None


class CancelledTicket(Base, table=True):
    """A ticket that its guest has cancelled while the booking keeps others. It is no ticket any more:
    whatever reads tickets need not know of it."""

    __tablename__: ClassVar[str] = "cancelled_ticket"

    booking_id: UUID = Field(primary_key=True, foreign_key="booking.id", ondelete="CASCADE")
    seat_id: UUID = Field(primary_key=True)
    position: int
    section: str | None = None
    row_name: str | None = None
    number: int | None = None
    price: int
    code: str
    cancelled_at: datetime


class SeatAllowance(Base, table=True):
    """The number of seats of an event that one person has or waits for; its CHECK is the limit per person."""

    __tablename__: ClassVar[str] = "seat_allowance"
    __table_args__ = (
        CheckConstraint("seats >= 0", name="not_negative"),
        CheckConstraint("seats <= max_seats", name="limit"),
    )

    event_id: UUID = Field(primary_key=True, foreign_key="event.id", ondelete="CASCADE")
    user_id: UUID = Field(primary_key=True)
    seats: int
    max_seats: int


class IdempotencyKey(Base, table=True):
    """The booking that a client made under its own key: a repeated request returns it."""

    __tablename__: ClassVar[str] = "idempotency_key"
    __table_args__ = (
        # the sweeper: keys older than a day
        Index("ix_idempotency_key_created", "created_at"),
    )

    user_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: str
    booking_id: UUID
    created_at: datetime = Field(default_factory=utc_now)

"""Who waits for seats of an event."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index
from sqlmodel import Field

from event_service.models.base import Base, partial_index
from service_kit.clock import utc_now


class WaitlistEntry(Base, table=True):
    """A person's group on the waitlist of an event; deleted when it leaves, confirms or lets the offer lapse.

    It waits while it has no booking; the booking is the hold of its offer.
    """

    __tablename__: ClassVar[str] = "waitlist_entry"
    __table_args__ = (
        CheckConstraint("quantity >= 1", name="quantity"),
        # the first waiting entry, and whether there is one
        partial_index("ix_waitlist_entry_waiting", "event_id", "place", where="booking_id IS NULL"),
        # the entry of an offer that is confirmed, cancelled or lapses
        partial_index(
            "uq_waitlist_entry_booking", "booking_id", unique=True, where="booking_id IS NOT NULL"
        ),
        # GET /waitlist, and entries of an erased account
        Index("ix_waitlist_entry_user", "user_id", "place"),
        # the smallest waiting group of each event
        partial_index(
            "ix_waitlist_entry_smallest", "event_id", "quantity", where="booking_id IS NULL"
        ),
    )

    event_id: UUID = Field(primary_key=True, foreign_key="event.id", ondelete="CASCADE")
    user_id: UUID = Field(primary_key=True)
    # The order of joining: the lock on the event makes it the order of commits. The position among those
    # who wait is counted from it.
    number: int | None = Field(
        default=None, sa_column=Column("place", BigInteger, Identity(always=True), nullable=False)
    )
    quantity: int
    times_passed: int = 0
    joined_at: datetime = Field(default_factory=utc_now)
    booking_id: UUID | None = Field(default=None, foreign_key="booking.id")
    # Of the booking that an offer makes.
    guest_name: str | None = None

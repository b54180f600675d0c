"""The tables of event-service, by what they are about; import them from here.

The database itself forbids what must not happen: see Design notes in ../../README.md for the order in
which rows are locked."""

from event_service.models.base import Base
from event_service.models.bookings import (
    Booking,
    CancelledTicket,
    IdempotencyKey,
    SeatAllowance,
    Ticket,
)
from event_service.models.doors import DoorLink, DoorScan
from event_service.models.events import (
    Event,
    EventImage,
    EventSearch,
    OrganizerMessage,
    SearchSpelling,
)
from event_service.models.halls import HallTemplate
from event_service.models.infrastructure import ErasedUser, OutboxMessage, StaleTag
from event_service.models.seats import BlockedSeat, Seat, SeatRow, SeatTally, Section
from event_service.models.waitlist import WaitlistEntry

__all__ = [
    "Base",
    "BlockedSeat",
    "Booking",
    "CancelledTicket",
    "DoorLink",
    "DoorScan",
    "ErasedUser",
    "Event",
    "EventImage",
    "EventSearch",
    "HallTemplate",
    "IdempotencyKey",
    "OrganizerMessage",
    "OutboxMessage",
    "SearchSpelling",
    "Seat",
    "SeatAllowance",
    "SeatRow",
    "SeatTally",
    "Section",
    "StaleTag",
    "Ticket",
    "WaitlistEntry",
]

"""The contract with notification-service: its tasks, and the kinds of message with topics and payloads.

Senders build messages by ``messaging/notifications.py``, whose types come from here. The receiving side
has a model for each kind. Tests compare both with this file, and real messages with these types.
"""

from dataclasses import dataclass
from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

SEND = "notifications.send"
SEND_MANY = "notifications.send_many"
ADDRESS_CONFIRMED = "notifications.address_confirmed"
ERASE_USER = "notifications.erase_user"
# The tasks of which several messages travel together, and the task that takes the list of them.
BATCH_TASKS = {SEND: SEND_MANY}

# What these topics carry is no kind of mail: ``id``, ``topic``, ``user_id``, ``occurred_at``.
ADDRESS_CONFIRMED_TOPIC = "user.address-confirmed.v1"
ERASE_USER_TOPIC = "user.erased.v1"

# Asks for those of ``{"ids": [uuid]}`` that never came: ``{"missing": [uuid]}``.
MISSING_PATH = "/api/v1/notifications/missing"

Kind = Literal[
    "verify-email",
    "reset-password",
    "email-change-notice",
    "password-changed",
    "booking-confirmed",
    "booking-cancelled",
    "seats-cancelled",
    "hold-expired",
    "event-reminder",
    "event-changed",
    "event-cancelled",
    "waitlist-offer",
    "organizer-message",
]


class AccountData(TypedDict):
    address: NotRequired[Literal["current", "pending"]]


class EventData(TypedDict):
    """A snapshot; times are ISO 8601 with an offset. ``version`` grows with each change."""

    title: str
    description: str
    venue: str
    city: str
    timezone: str
    starts_at: str
    ends_at: str
    cancellation_deadline: str
    doors_at: NotRequired[str | None]
    organizer_name: NotRequired[str | None]
    payment_note: NotRequired[str | None]
    version: int


class AboutEventData(TypedDict):
    event_id: str
    event: EventData


class SeatData(TypedDict):
    id: str
    section: str | None
    row: str | None
    number: int | None
    ticket_code: str


class BookingData(AboutEventData):
    """``seats`` are the first 50 at most, ``total`` is in minor units of the currency (ISO 4217)."""

    booking_id: str
    status: str
    quantity: int
    total: int
    currency: str
    expires_at: str | None
    seats: list[SeatData]
    cancelled_by: NotRequired[str]


class SeatsCancelledData(BookingData):
    """Of a booking that lost some of its seats: ``seats``, ``quantity`` and ``total`` are of what it keeps,
    ``cancelled_seats`` are the first 50 of those that this cancellation ended."""

    cancelled_seats: list[SeatData]
    cancelled_quantity: int


class EventChangedData(AboutEventData):
    """``changes``: the old and the new value by the event's field."""

    booking_ids: list[str]
    changes: dict[str, list[Any]]


class EventCancelledData(AboutEventData):
    booking_ids: list[str]
    reason: str | None
    organizer_erased: bool


class WaitlistOfferData(AboutEventData):
    booking_id: str
    quantity: int
    expires_at: str


class OrganizerMessageData(AboutEventData):
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class MessageKind:
    """``topics``: what may have caused a message of the kind; the first is the usual one."""

    topics: tuple[str, ...]
    data: type


CONTRACT: dict[Kind, MessageKind] = {
    "verify-email": MessageKind(
        (
            "user.registered.v1",
            "user.verification-requested.v1",
            "user.email-change-requested.v1",
        ),
        AccountData,
    ),
    "reset-password": MessageKind(("user.password-reset-requested.v1",), AccountData),
    "email-change-notice": MessageKind(("user.email-change-requested.v1",), AccountData),
    "password-changed": MessageKind(("user.password-changed.v1",), AccountData),
    "booking-confirmed": MessageKind(("booking.confirmed.v1",), BookingData),
    "booking-cancelled": MessageKind(("booking.cancelled.v1",), BookingData),
    "seats-cancelled": MessageKind(("seats.cancelled.v1",), SeatsCancelledData),
    "hold-expired": MessageKind(("hold.expired.v1",), BookingData),
    "event-reminder": MessageKind(("event.reminder.v1",), BookingData),
    "event-changed": MessageKind(("event.changed.v1",), EventChangedData),
    "event-cancelled": MessageKind(("event.cancelled.v1",), EventCancelledData),
    "waitlist-offer": MessageKind(("waitlist.offered.v1",), WaitlistOfferData),
    "organizer-message": MessageKind(("organizer.message.v1",), OrganizerMessageData),
}

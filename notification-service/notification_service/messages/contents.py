"""What the messages of each kind hold: the snapshot that a mail is written from.

Unknown fields are ignored, so that a sender may be newer than this service.
"""

import unicodedata
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def one_line(value: object) -> object:
    """Text that can end neither a header nor a paragraph: control characters become spaces."""
    if not isinstance(value, str):
        return value
    if value.isprintable() and "  " not in value:
        # Nearly every text: nothing to take out of it.
        return value.strip()
    kept = (
        " " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in _DIRECTIONS else c
        for c in value
    )
    return " ".join("".join(kept).split())


def many_lines(value: object) -> object:
    """The same, but for line breaks."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    lines = value.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(str(one_line(line)) for line in lines)


Line = Annotated[str, BeforeValidator(one_line)]
Paragraphs = Annotated[str, BeforeValidator(many_lines)]
OptionalParagraphs = Annotated[str | None, BeforeValidator(many_lines)]
Label = Annotated[str | None, BeforeValidator(lambda v: v if v is None else one_line(str(v)))]


class Content(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    pointless_note: ClassVar[str] = ""

    def is_pointless(self, now: datetime) -> bool:
        """Whether the mail would come too late to be of use to anybody."""
        return False

    def is_over(self, now: datetime) -> bool:
        """Whether what the mail is about has ended; for mails that were held back until then."""
        event = getattr(self, "event", None)
        return isinstance(event, EventSnapshot) and event.ends_at <= now


class EventSnapshot(Content):
    title: Line
    description: Paragraphs = ""
    venue: Line
    city: Line
    timezone: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    cancellation_deadline: AwareDatetime | None = None
    # Grows with each change of the event; 0 in messages of a sender that did not say it.
    version: int = Field(0, ge=0)

    @property
    def last_cancellation(self) -> datetime:
        """Until when a guest may cancel; the start if the sender did not say it."""
        return min(self.cancellation_deadline or self.starts_at, self.ends_at)


class Seat(Content):
    id: UUID
    section: Label = None
    row: Label = None
    number: Label = None
    ticket_code: Annotated[Line, Field(min_length=1, max_length=200)]


class BookingContent(Content):
    booking_id: UUID
    event_id: UUID
    quantity: int = Field(ge=1)
    total: int = Field(ge=0)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    # The first of them: a mail shows some, and ``quantity`` says how many there are.
    seats: list[Seat] = []
    event: EventSnapshot
    expires_at: AwareDatetime | None = None


class ReminderContent(BookingContent):
    pointless_note: ClassVar[str] = "The event had begun."

    def is_pointless(self, now: datetime) -> bool:
        return self.event.starts_at <= now


class EventContent(Content):
    event_id: UUID
    event: EventSnapshot
    booking_ids: list[UUID] = []
    reason: OptionalParagraphs = None
    organizer_erased: bool = False


class ChangeContent(EventContent):
    changes: dict[str, tuple[Any, Any]] = {}

    pointless_note: ClassVar[str] = "The event was over."

    @model_validator(mode="after")
    def changes_fit_the_event(self) -> Self:
        self.before()
        return self

    def before(self) -> EventSnapshot:
        """The event as it was."""
        old = {name: values[0] for name, values in self.changes.items()}
        return EventSnapshot.model_validate({**self.event.model_dump(), **old})

    def is_pointless(self, now: datetime) -> bool:
        return self.event.ends_at <= now


class OfferContent(Content):
    event_id: UUID
    event: EventSnapshot
    booking_id: UUID
    quantity: int = Field(ge=1)
    expires_at: AwareDatetime

    pointless_note: ClassVar[str] = "The offer had ended."

    def is_pointless(self, now: datetime) -> bool:
        return self.expires_at <= now


class OrganizerContent(Content):
    event_id: UUID
    event: EventSnapshot
    subject: Annotated[Line, Field(min_length=1, max_length=200)]
    body: Annotated[Paragraphs, Field(min_length=1, max_length=20_000)]


class AccountContent(Content):
    # "pending" is the address that a person wants to change to.
    address: Literal["current", "pending"] = "current"


KINDS: dict[str, type[Content]] = {
    "verify-email": AccountContent,
    "reset-password": AccountContent,
    "email-change-notice": AccountContent,
    "password-changed": AccountContent,
    "booking-confirmed": BookingContent,
    "booking-cancelled": BookingContent,
    "hold-expired": BookingContent,
    "event-reminder": ReminderContent,
    "event-changed": ChangeContent,
    "event-cancelled": EventContent,
    "waitlist-offer": OfferContent,
    "organizer-message": OrganizerContent,
}


class MalformedContent(Exception):
    """The data does not fit the kind. ``reason`` names fields and quotes nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__("malformed content")
        self.reason = reason


def read_content(kind: str, data: object) -> Content:
    """Raises MalformedContent."""
    model = KINDS.get(kind)
    if model is None:
        raise MalformedContent("This kind of message is not known here.")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        fields = sorted({".".join(str(part) for part in e["loc"][:3]) or "data" for e in found})
        shown = ", ".join(fields[:5])
        raise MalformedContent(f"The message lacks or mistakes: {shown}.") from None

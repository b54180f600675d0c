"""What every kind of mail has: its payload and the decisions that depend on the kind.

A payload is the snapshot that a mail is written from. Unknown fields are ignored, so that a sender
may be newer than this service.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Protocol, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict

from notification_service.kinds.sample_texts import SampleTexts
from notification_service.rendering.context import RenderContext
from notification_service.rendering.texts import many_lines, one_line
from service_kit.calendar_files import Status

Line = Annotated[str, BeforeValidator(one_line)]
Paragraphs = Annotated[str, BeforeValidator(many_lines)]
OptionalLine = Annotated[str | None, BeforeValidator(one_line)]
OptionalParagraphs = Annotated[str | None, BeforeValidator(many_lines)]
# What a column, a calendar's SEQUENCE and a sum of prices hold without trouble.
MAX_VERSION = 2**31 - 1
MAX_COUNT = 10**6
MAX_AMOUNT = 10**18


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from None


# PostgreSQL takes no offset of 16 hours and more, and none is kept.
Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Label = Annotated[str | None, BeforeValidator(lambda v: v if v is None else one_line(str(v)))]


@dataclass(frozen=True, slots=True)
class SupersededBy:
    """Which later messages to the same person replace a mail that is still waiting.

    ``about_booking`` and ``about_event`` are kinds; ``later_about_booking`` are kinds that replace it only if
    they came later, since it may follow them. The others mean newer messages of the same kind.
    """

    about_booking: tuple[str, ...] = ()
    later_about_booking: tuple[str, ...] = ()
    about_event: tuple[str, ...] = ()
    newer_about_event: bool = False
    newer_about_booking: bool = False
    # An account may have a current and a pending address; each has its own mails.
    newer_about_address: bool = False


class Account(Protocol):
    """What a kind may ask of its recipient's account."""

    @property
    def email(self) -> str: ...
    @property
    def pending_email(self) -> str | None: ...
    @property
    def is_verified(self) -> bool: ...


class Payload(BaseModel):
    """Base of all kinds; a subclass with a ``kind`` of its own is one of them."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: ClassVar[str]
    superseded_by: ClassVar[SupersededBy] = SupersededBy()
    # One person's mails about one event keep their order, also when two workers have them.
    keeps_order: ClassVar[bool] = False
    # Says all that changed since the recipient last heard of the event.
    tells_changes: ClassVar[bool] = False
    # The recipient may unsubscribe.
    is_optional: ClassVar[bool] = False
    # The page that takes the account's secret link; None if the mail has none.
    link_page: ClassVar[str | None] = None
    needs_verified_address: ClassVar[bool] = True
    # What becomes of the bookings' entries in the recipient's calendar; None if no file is attached.
    calendar_status: ClassVar[Status | None] = None
    expired_note: ClassVar[str] = ""

    def is_expired(self, now: datetime) -> bool:
        """Whether the mail would come too late to be of use to anybody."""
        return False

    def is_over(self, now: datetime) -> bool:
        """Whether what the mail is about has ended; for mails that were held back until then."""
        return False

    def replaced_note(self, original: Self, now: datetime) -> str | None:
        """Why another mail will come instead, or None. ``original`` is the payload as it was sent, before
        its event was brought up to date."""
        return None

    def recipient_email(self, account: Account) -> str:
        """Where the mail goes: the current address, unless the kind is about the pending one."""
        return account.email

    def unneeded_note(self, account: Account) -> str | None:
        """Why the account needs this mail no more, or None."""
        return None

    def template_values(self, context: RenderContext) -> dict[str, Any]:
        """What the templates show. ``tickets`` among them are drawn as QR codes."""
        return {}

    def calendar_bookings(self) -> list[UUID]:
        """The bookings whose calendar entries are attached, with ``calendar_status``."""
        return []

    def calendar_file(self, context: RenderContext) -> bytes | None:
        return None

    @classmethod
    def sample(cls, texts: SampleTexts) -> dict[str, Any]:
        """The ``data`` of a message of this kind, for previews and tests."""
        return {}

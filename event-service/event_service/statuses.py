"""The statuses of this service, and which status may follow which.

Members are strings, so that JSON, SQL parameters and comparisons with stored text work as they are.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import Dialect, String, TypeDecorator


class EventStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    CANCELLED = "cancelled"


class SeatingKind(StrEnum):
    GENERAL = "general"
    ASSIGNED = "assigned"


class SeatKind(StrEnum):
    STANDARD = "standard"
    ACCESSIBLE = "accessible"
    # In plans and seat maps only: such a seat is not sold.
    BLOCKED = "blocked"


class SeatState(StrEnum):
    FREE = "free"
    HELD = "held"
    BOOKED = "booked"
    # In seat maps only.
    BLOCKED = "blocked"


class Numbering(StrEnum):
    """How the seats of a row are numbered, seen with the stage in front.

    With both sides, the smallest numbers are in the middle: 5 3 1 2 4. The sides part at the gap nearest
    to the middle of the row, where it has one.
    """

    LEFT = "left"
    RIGHT = "right"
    ODD_LEFT = "odd-left"
    ODD_RIGHT = "odd-right"
    EVEN_LEFT = "even-left"
    EVEN_RIGHT = "even-right"
    ODD_EVEN = "odd-even"
    EVEN_ODD = "even-odd"


class BookingStatus(StrEnum):
    HELD = "held"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class WaitlistStatus(StrEnum):
    WAITING = "waiting"
    OFFERED = "offered"


StatusT = TypeVar("StatusT", EventStatus, BookingStatus)
Changes = Mapping[StatusT, frozenset[StatusT]]

# Each status, and those that may follow it.
EVENT_CHANGES: Changes[EventStatus] = {
    EventStatus.DRAFT: frozenset({EventStatus.PUBLISHED, EventStatus.CANCELLED}),
    EventStatus.PUBLISHED: frozenset({EventStatus.CANCELLED}),
    EventStatus.CANCELLED: frozenset(),
}
BOOKING_CHANGES: Changes[BookingStatus] = {
    BookingStatus.HELD: frozenset(
        {BookingStatus.CONFIRMED, BookingStatus.CANCELLED, BookingStatus.EXPIRED}
    ),
    BookingStatus.CONFIRMED: frozenset({BookingStatus.CANCELLED}),
    BookingStatus.CANCELLED: frozenset(),
    BookingStatus.EXPIRED: frozenset(),
}


def statuses_before(changes: Changes[StatusT], new: StatusT) -> frozenset[StatusT]:
    """The statuses that ``new`` may follow."""
    return frozenset(status for status, following in changes.items() if new in following)


def one_of(column: str, values: type[StrEnum]) -> str:
    """The SQL of a CHECK: ``column`` holds a member of ``values``."""
    members = ", ".join(f"'{member}'" for member in values)
    return f"{column} IN ({members})"


class EnumText(TypeDecorator[StrEnum]):
    """A text column that is read as a member of an enum. The CHECK of the table holds its values."""

    impl = String
    cache_ok = True

    def __init__(self, values: type[StrEnum]) -> None:
        super().__init__()
        self.values = values

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.values(value)

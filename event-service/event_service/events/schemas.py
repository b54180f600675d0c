"""Events as they come in and go out; the form is the API contract's."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Literal, Self
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    computed_field,
    model_validator,
)

from event_service.rules import MAX_SEATS
from event_service.statuses import EventStatus, SeatingKind, SeatState
from service_kit.money import CURRENCY_DIGITS, currency_digits
from service_kit.text import line, paragraphs

MAX_PRICE = 1_000_000_000
MAX_SECTIONS = 500
# Of a whole plan: as many as a tenth of its seats.
MAX_ROWS = 10_000
DIGITS_OF_UNKNOWN_CURRENCY = 2

# Dates beyond these overflow when they are turned into another zone.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
DATE = re.compile(r"\s*\d{4}-\d\d-\d\d")

Line200 = line(200)
Line100 = line(100)
Line50 = line(50, min_length=0)
Paragraphs = paragraphs(10_000)


def _in_utc(value: datetime) -> datetime:
    if not EARLIEST.year < value.year < LATEST.year:
        raise ValueError(f"must lie between {EARLIEST.year} and {LATEST.year}")
    return value.astimezone(UTC)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


# The areas of the IANA database whose zones are places. Others, such as Etc and SystemV, and names
# without an area, such as EST5EDT, localtime and Factory, say nothing of where an event is.
AREAS = frozenset({
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe",
    "Indian", "Pacific",
})  # fmt: skip


def _geographic_zone(value: str) -> str:
    if value != "UTC" and (value.partition("/")[0] not in AREAS or value not in _zones()):
        raise ValueError("must be UTC or a place of the IANA database, such as Europe/Berlin")
    return value


def _active_currency(value: str) -> str:
    currency_digits(value)
    return value


def _not_a_number(value: object) -> object:
    """pydantic would take a number, also as text, for the seconds since 1970."""
    if not isinstance(value, datetime) and not (isinstance(value, str) and DATE.match(value)):
        raise ValueError("must be a time such as 2027-01-20T18:30:00Z")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_not_a_number), AfterValidator(_in_utc)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_geographic_zone)]
Price = Annotated[int, Field(ge=0, le=MAX_PRICE, strict=True, description="In minor units.")]
Currency = Annotated[
    str,
    Field(max_length=3, pattern=r"^[A-Z]{3}$", description="An active code of ISO 4217."),
    AfterValidator(_active_currency),
]
Capacity = Annotated[int, Field(ge=1, le=MAX_SEATS, strict=True)]
CancellationDeadline = Annotated[
    Instant | None,
    Field(description="Guests may cancel until then; without it, until the event begins."),
]


class RowIn(BaseModel):
    name: line(20)  # type: ignore[valid-type]
    seats: Annotated[int, Field(ge=1, le=5_000, strict=True)]


class SectionIn(BaseModel):
    name: Line100  # type: ignore[valid-type]
    price: Price | None = None
    rows: Annotated[list[RowIn], Field(min_length=1, max_length=1_000, fail_fast=True)]

    @model_validator(mode="after")
    def rows_differ(self) -> Self:
        if len({row.name for row in self.rows}) != len(self.rows):
            raise ValueError("two rows of a section have the same name")
        return self


def _sections_fit(sections: list[SectionIn]) -> list[SectionIn]:
    if len({section.name for section in sections}) != len(sections):
        raise ValueError("two sections have the same name")
    if sum(len(section.rows) for section in sections) > MAX_ROWS:
        raise ValueError(f"has more than {MAX_ROWS} rows")
    if count_seats(sections) > MAX_SEATS:
        raise ValueError(f"has more than {MAX_SEATS} seats")
    return sections


Sections = Annotated[
    list[SectionIn],
    Field(min_length=1, max_length=MAX_SECTIONS, fail_fast=True),
    AfterValidator(_sections_fit),
]


def count_seats(sections: list[SectionIn]) -> int:
    return sum(row.seats for section in sections for row in section.rows)


class GeneralSeating(BaseModel):
    kind: Literal[SeatingKind.GENERAL]
    capacity: Capacity


class AssignedSeating(BaseModel):
    kind: Literal[SeatingKind.ASSIGNED]
    sections: Sections


Seating = Annotated[GeneralSeating | AssignedSeating, Field(discriminator="kind")]


class EventCreate(BaseModel):
    title: Line200  # type: ignore[valid-type]
    description: Paragraphs = ""  # type: ignore[valid-type]
    category: Line50 = ""  # type: ignore[valid-type]
    venue: Line200  # type: ignore[valid-type]
    city: Line100  # type: ignore[valid-type]
    timezone: TimeZone
    starts_at: Instant
    ends_at: Instant
    sales_start: Instant | None = None
    sales_end: Instant | None = None
    cancellation_deadline: CancellationDeadline = None
    price: Price = 0
    currency: Currency = "EUR"
    max_seats_per_user: Capacity = 10
    seating: Seating

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Winter concert",
                    "venue": "Town hall",
                    "city": "Berlin",
                    "timezone": "Europe/Berlin",
                    "starts_at": "2027-01-20T18:30:00Z",
                    "ends_at": "2027-01-20T21:00:00Z",
                    "price": 2500,
                    "currency": "EUR",
                    "seating": {"kind": "general", "capacity": 500},
                }
            ]
        }
    )

    @model_validator(mode="after")
    def times_are_in_order(self) -> Self:
        check_times(
            self.starts_at,
            self.ends_at,
            self.sales_start,
            self.sales_end,
            self.cancellation_deadline,
        )
        return self


def check_times(
    starts_at: datetime,
    ends_at: datetime,
    sales_start: datetime | None,
    sales_end: datetime | None,
    cancellation_deadline: datetime | None,
) -> None:
    """Raises ValueError with what is out of order."""
    if ends_at <= starts_at:
        raise ValueError("ends_at must be later than starts_at")
    if sales_start and sales_end and sales_end <= sales_start:
        raise ValueError("sales_end must be later than sales_start")
    if cancellation_deadline and cancellation_deadline > ends_at:
        raise ValueError("cancellation_deadline must not be later than ends_at")


class EventUpdate(BaseModel):
    """What is left out stays; ``null`` is for the sales window and the deadline only. A name that is
    not taken is refused, so that nobody believes that it was heard."""

    model_config = ConfigDict(extra="forbid")

    title: Line200 = None  # type: ignore[valid-type]
    description: Paragraphs = None  # type: ignore[valid-type]
    category: Line50 = None  # type: ignore[valid-type]
    venue: Line200 = None  # type: ignore[valid-type]
    city: Line100 = None  # type: ignore[valid-type]
    timezone: TimeZone = None  # type: ignore[assignment]
    starts_at: Instant = None  # type: ignore[assignment]
    ends_at: Instant = None  # type: ignore[assignment]
    sales_start: Instant | None = None
    sales_end: Instant | None = None
    cancellation_deadline: CancellationDeadline = None
    price: Price = None  # type: ignore[assignment]
    currency: Currency = None  # type: ignore[assignment]
    max_seats_per_user: Capacity = None  # type: ignore[assignment]
    capacity: Capacity | None = Field(None, description="For general seating.")
    sections: Sections | None = Field(None, description="For assigned seating: all of them.")


class CancelEvent(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: paragraphs(500, min_length=1) | None = None  # type: ignore[valid-type]


class EventPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    organizer_id: UUID
    title: str
    description: str
    category: str
    venue: str
    city: str
    timezone: str
    starts_at: datetime
    ends_at: datetime
    sales_start: datetime | None
    sales_end: datetime | None
    cancellation_deadline: datetime
    status: EventStatus
    seating: SeatingKind
    capacity: int
    seats_available: int
    price: int
    currency: str
    max_seats_per_user: int
    version: int
    created_at: datetime
    updated_at: datetime

    @computed_field(description="How many digits of the amounts are minor units, by ISO 4217.")  # type: ignore[prop-decorator]
    @property
    def currency_digits(self) -> int:
        # Events from before currencies were checked may have a code that is none: it is shown as it is.
        return CURRENCY_DIGITS.get(self.currency, DIGITS_OF_UNKNOWN_CURRENCY)


class Availability(BaseModel):
    capacity: int
    available: int
    held: int
    booked: int


class SeatPublic(BaseModel):
    id: UUID
    number: int
    state: SeatState


class RowPublic(BaseModel):
    name: str
    seats: list[SeatPublic]


class SectionPublic(BaseModel):
    name: str
    price: int
    rows: list[RowPublic]


class SeatMap(BaseModel):
    sections: list[SectionPublic]


class EventQuery(BaseModel):
    """What of the list is asked for; also the key of the page in the cache."""

    model_config = ConfigDict(frozen=True)

    q: line(200, min_length=0) | None = None  # type: ignore[valid-type]
    city: line(100, min_length=0) | None = None  # type: ignore[valid-type]
    category: line(50, min_length=0) | None = None  # type: ignore[valid-type]
    starts_from: Instant | None = None
    starts_to: Instant | None = None
    organizer: UUID | Literal["me"] | None = None
    sort: Literal["relevance", "starts_at", "-starts_at", "-created_at"] | None = Field(
        None, description="`relevance` with `q`, else `starts_at`, unless it is given."
    )

    @property
    def order(self) -> str:
        """Without words nothing is more relevant than what comes next."""
        if self.q:
            return self.sort or "relevance"
        return self.sort if self.sort and self.sort != "relevance" else "starts_at"

"""Events as they come in and go out; the form is the API contract's."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, computed_field, model_validator

from event_service.events.fields import (
    CancellationDeadline,
    CancelReason,
    Capacity,
    Category,
    CategoryFilter,
    City,
    CityFilter,
    Currency,
    Description,
    DoorsAt,
    Instant,
    OrganizerName,
    PaymentNote,
    Price,
    SearchText,
    TimeZone,
    Title,
    VenueName,
)
from event_service.events.plans import Seating, SectionIn, Sections
from event_service.statuses import EventStatus, SeatingKind, SeatKind, SeatState
from service_kit.money import CURRENCY_DIGITS

DIGITS_OF_UNKNOWN_CURRENCY = 2
# What ``check_times`` compares.
TIMES = ("starts_at", "ends_at", "sales_start", "sales_end", "cancellation_deadline", "doors_at")
# Doors that open earlier are a mistake, such as those of an event that was moved by a day without them.
DOORS_BEFORE_START = timedelta(hours=24)


class EventCreate(BaseModel):
    title: Title
    description: Description = ""
    category: Category = ""
    venue: VenueName
    city: City
    timezone: TimeZone
    starts_at: Instant
    ends_at: Instant
    sales_start: Instant | None = None
    sales_end: Instant | None = None
    cancellation_deadline: CancellationDeadline = None
    doors_at: DoorsAt = None
    organizer_name: OrganizerName = None
    payment_note: PaymentNote = None
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
        check_times({name: getattr(self, name) for name in TIMES})
        return self


def check_times(times: Mapping[str, datetime | None]) -> None:
    """Raises ValueError with what is out of order; it begins with the field's name. ``times`` has each
    of TIMES."""
    starts_at, ends_at, sales_start, sales_end, deadline, doors_at = (times[n] for n in TIMES)
    if starts_at and ends_at and ends_at <= starts_at:
        raise ValueError("ends_at must be later than starts_at")
    if sales_start and sales_end and sales_end <= sales_start:
        raise ValueError("sales_end must be later than sales_start")
    if deadline and ends_at and deadline > ends_at:
        raise ValueError("cancellation_deadline must not be later than ends_at")
    if doors_at and starts_at and not are_doors_in_time(doors_at, starts_at):
        raise ValueError("doors_at must lie within the 24 hours before starts_at")


def are_doors_in_time(doors_at: datetime, starts_at: datetime) -> bool:
    return starts_at - DOORS_BEFORE_START <= doors_at <= starts_at


# The default of a field that may be left out and may not be null.
UNCHANGED: Any = None


class EventUpdate(BaseModel):
    """What is left out stays; ``null`` is for what an event may be without. A name that is not taken is
    refused, so that nobody believes that it was heard."""

    model_config = ConfigDict(extra="forbid")

    title: Title = UNCHANGED
    description: Description = UNCHANGED
    category: Category = UNCHANGED
    venue: VenueName = UNCHANGED
    city: City = UNCHANGED
    timezone: TimeZone = UNCHANGED
    starts_at: Instant = UNCHANGED
    ends_at: Instant = UNCHANGED
    sales_start: Instant | None = None
    sales_end: Instant | None = None
    cancellation_deadline: CancellationDeadline = None
    doors_at: DoorsAt = None
    organizer_name: OrganizerName = None
    payment_note: PaymentNote = None
    price: Price = UNCHANGED
    currency: Currency = UNCHANGED
    max_seats_per_user: Capacity = UNCHANGED
    capacity: Capacity | None = Field(None, description="For general seating.")
    sections: Sections | None = Field(None, description="For assigned seating: all of them.")


class CancelEvent(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: CancelReason | None = None


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
    doors_at: datetime | None
    organizer_name: str | None
    payment_note: str | None
    image_url: str | None = Field(
        description="A path of this service. With 320, 640 or 1920 in place of 1280 the image is as wide."
    )
    status: EventStatus
    seating: SeatingKind
    capacity: int
    seats_available: int
    price: int
    price_from: int = Field(description="The lowest price of a seat, in whichever section.")
    price_to: int = Field(description="The highest price of a seat.")
    currency: str
    max_seats_per_user: int
    version: int
    created_at: datetime
    updated_at: datetime

    @computed_field(  # type: ignore[prop-decorator]  # mypy knows no decorated property
        description="How many digits of the amounts are minor units, by ISO 4217."
    )
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
    column: int = Field(description="The place in the row from the left, from 1; gaps count.")
    kind: SeatKind
    state: SeatState


class RowPublic(BaseModel):
    name: str
    columns: int = Field(description="How wide the row is, gaps at both ends counted.")
    seats: list[SeatPublic]


class SectionPublic(BaseModel):
    name: str
    price: int
    rows: list[RowPublic]


class SeatMap(BaseModel):
    sections: list[SectionPublic]


class PlanPublic(BaseModel):
    version: int = Field(description="The event's.")
    sections: list[SectionIn] = Field(
        description="In the form of `seating` of a new event; empty with general admission."
    )


class SeatPlanRow(BaseModel):
    name: str
    columns: int = Field(description="How wide the row is, gaps at both ends counted.")
    letters: str = Field(
        description="A letter for each column up to the last seat: `s` seat, `a` accessible seat, "
        "`x` blocked seat (not sold), `_` gap."
    )
    numbers: list[int] = Field(description="A number for each seat, from the left.")


class SeatPlanSection(BaseModel):
    name: str
    price: int
    rows: list[SeatPlanRow]


class SeatPlanPublic(BaseModel):
    version: int = Field(description="The event's: with another one, the plan may have changed.")
    sections: list[SeatPlanSection] = Field(
        description="In the order of the map; empty with general admission."
    )


class SeatStatesPublic(BaseModel):
    version: int = Field(description="The event's: with another one, the map may have changed.")
    states: str = Field(
        description="A letter for each seat in the order of the map: `f` free, `h` held, `b` booked, "
        "`x` blocked.",
        examples=["ffhbbx"],
    )


class FacetValue(BaseModel):
    value: str
    count: int = Field(description="Events in the public list.")


class Facets(BaseModel):
    """The most frequent values of a filter of the list, up to 100 of each."""

    cities: list[FacetValue]
    categories: list[FacetValue]


class EventQuery(BaseModel):
    """What of the list is asked for; also the key of the page in the cache."""

    model_config = ConfigDict(frozen=True)

    q: SearchText | None = None
    city: CityFilter | None = None
    category: CategoryFilter | None = None
    starts_from: Instant | None = None
    starts_to: Instant | None = None
    organizer: UUID | Literal["me"] | None = None
    sort: Literal["relevance", "starts_at", "-starts_at", "-created_at"] | None = Field(
        None,
        description="`relevance` with `q`, else `starts_at`, unless it is given. Of more than 5,000 matches"
        " `relevance` ranks the next 200 in the title and the next 200 anywhere, and ends with them; the"
        " other orders show all.",
    )

    @property
    def order(self) -> str:
        """Without words nothing is more relevant than what comes next."""
        if self.q:
            return self.sort or "relevance"
        return self.sort if self.sort and self.sort != "relevance" else "starts_at"

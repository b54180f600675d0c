"""Field types of events: what a value may be, in requests of any route."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from event_service.rules import MAX_SEATS
from service_kit.money import currency_digits
from service_kit.text import Line, Paragraphs

MAX_PRICE = 1_000_000_000

# Dates beyond these overflow when they are turned into another zone.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
DATE = re.compile(r"\s*\d{4}-\d\d-\d\d")

Title = Annotated[str, Line(200)]
Description = Annotated[str, Paragraphs(10_000)]
Category = Annotated[str, Line(50, min_length=0)]
VenueName = Annotated[str, Line(200)]
City = Annotated[str, Line(100)]
SectionName = Annotated[str, Line(100)]
RowName = Annotated[str, Line(20)]


def _none_if_empty(value: str) -> str | None:
    return value or None


OrganizerName = Annotated[
    Annotated[str, Line(100, min_length=0), AfterValidator(_none_if_empty)] | None,
    Field(description="Who organizes the event, as guests read it."),
]
PaymentNote = Annotated[
    Annotated[str, Paragraphs(300), AfterValidator(_none_if_empty)] | None,
    Field(description="How the price is paid; shown before booking and in the confirmation."),
]
CancelReason = Annotated[str, Paragraphs(500, min_length=1)]
# What the list is asked for; empty is as good as left out.
SearchText = Annotated[str, Line(200, min_length=0)]
CityFilter = Annotated[str, Line(100, min_length=0)]
CategoryFilter = Annotated[str, Line(50, min_length=0)]


def _in_utc(value: datetime) -> datetime:
    if not EARLIEST.year < value.year < LATEST.year:
        raise ValueError(f"must lie between {EARLIEST.year} and {LATEST.year}")
    return value.astimezone(UTC)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


# The areas of the IANA database whose zones are places. Others, such as Etc and SystemV, and names
# without an area, such as EST5EDT, localtime and Factory, say nothing of where an event is.
AREAS = frozenset(
    "Africa America Antarctica Arctic Asia Atlantic Australia Europe Indian Pacific".split()
)


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
DoorsAt = Annotated[
    Instant | None,
    Field(description="When the doors open, within the 24 hours before the event begins."),
]
CancellationDeadline = Annotated[
    Instant | None,
    Field(description="Guests may cancel until then; without it, until the event begins."),
]

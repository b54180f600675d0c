"""Plans of halls as they come in: sections of rows; a row is a number of seats or a string of letters."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from event_service.events.fields import Capacity, Price, RowName, SectionName
from event_service.rules import MAX_SEATS
from event_service.statuses import Numbering, SeatingKind

MAX_SECTIONS = 500
# Of a whole plan: as many as a tenth of its seats.
MAX_ROWS = 10_000
MAX_COLUMNS = 5_000
STANDARD, ACCESSIBLE, BLOCKED, GAP = "sax_"
_LETTERS = re.compile(f"[{STANDARD}{ACCESSIBLE}{BLOCKED}{GAP}]+")
_SEATS_OF_ROW = (
    f"must be a number from 1 to {MAX_COLUMNS:,}, or as many letters s, a, x and _ with a seat"
)


def _check_seats(value: object) -> object:
    """One message for both forms; the length comes first."""
    if isinstance(value, str):
        is_valid = (
            0 < len(value) <= MAX_COLUMNS
            and bool(_LETTERS.fullmatch(value))
            and value.strip(GAP) != ""
        )
    else:
        is_valid = type(value) is int and 1 <= value <= MAX_COLUMNS
    if not is_valid:
        raise ValueError(_SEATS_OF_ROW)
    return value


RowSeats = Annotated[
    Annotated[int, Field(ge=1, le=MAX_COLUMNS, strict=True)]
    | Annotated[
        str, Field(min_length=1, max_length=MAX_COLUMNS, pattern=r"^_*[sax][sax_]*$", strict=True)
    ],
    BeforeValidator(_check_seats),
    Field(
        description="A number, or a letter for each position from left to right: `s` seat, `a` accessible "
        "seat, `x` blocked seat (not sold), `_` gap.",
        examples=[20, "ssss_aass"],
    ),
]


# Left out where it is the usual one, so that plans are shown as they came.
RowNumbering = Annotated[
    Numbering,
    Field(
        exclude_if=lambda value: value == Numbering.LEFT,
        description="How the seats are numbered: from the `left` or the `right`; odd or even numbers only, "
        "from either side; or, with both, odd ones on one side and even ones on the other, the smallest in "
        "the middle or at the gap nearest to it. Blocked seats count, gaps do not.",
    ),
]


class RowIn(BaseModel):
    name: RowName
    seats: RowSeats
    numbering: RowNumbering = Numbering.LEFT

    @property
    def letters(self) -> str:
        return self.seats if isinstance(self.seats, str) else STANDARD * self.seats

    @property
    def seat_count(self) -> int:
        """Seats that are sold."""
        if isinstance(self.seats, int):
            return self.seats
        return self.seats.count(STANDARD) + self.seats.count(ACCESSIBLE)

    @property
    def blocked_count(self) -> int:
        return self.seats.count(BLOCKED) if isinstance(self.seats, str) else 0


class SectionIn(BaseModel):
    name: SectionName
    price: Price | None = None
    rows: Annotated[list[RowIn], Field(min_length=1, max_length=1_000, fail_fast=True)]

    @model_validator(mode="after")
    def rows_differ(self) -> Self:
        if len({row.name for row in self.rows}) != len(self.rows):
            raise ValueError("two rows of a section have the same name")
        return self


def _rows_fit(sections: object) -> object:
    """Before any of them is looked at."""
    if isinstance(sections, list):
        lists = [one.get("rows") if isinstance(one, dict) else None for one in sections]
        if sum(len(rows) for rows in lists if isinstance(rows, list)) > MAX_ROWS:
            raise ValueError(f"has more than {MAX_ROWS} rows")
    return sections


def _sections_fit(sections: list[SectionIn]) -> list[SectionIn]:
    if len({section.name for section in sections}) != len(sections):
        raise ValueError("two sections have the same name")
    seats = count_seats(sections)
    if seats + count_blocked_seats(sections) > MAX_SEATS:
        raise ValueError(f"has more than {MAX_SEATS} seats")
    if not seats:
        raise ValueError("has no seat that is sold")
    return sections


Sections = Annotated[
    list[SectionIn],
    Field(min_length=1, max_length=MAX_SECTIONS, fail_fast=True),
    AfterValidator(_sections_fit),
    BeforeValidator(_rows_fit),
]


def count_seats(sections: list[SectionIn]) -> int:
    """Seats that are sold: the capacity."""
    return sum(row.seat_count for section in sections for row in section.rows)


def count_blocked_seats(sections: list[SectionIn]) -> int:
    return sum(row.blocked_count for section in sections for row in section.rows)


class GeneralSeating(BaseModel):
    kind: Literal[SeatingKind.GENERAL]
    capacity: Capacity


class AssignedSeating(BaseModel):
    kind: Literal[SeatingKind.ASSIGNED]
    sections: Sections


Seating = Annotated[GeneralSeating | AssignedSeating, Field(discriminator="kind")]

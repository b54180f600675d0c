"""Keyset pagination: a cursor is the sort key of the last row, opaque and signed by nobody.

It holds nothing secret and selects nothing that its bearer may not see; a forged one is refused
when its parts are not of the types that the list sorts by.
"""

import base64
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from fastapi import Depends, Query
from pydantic import BaseModel

from service_kit.problems import InvalidRequest
from service_kit.text import check_text

ItemT = TypeVar("ItemT")
RowT = TypeVar("RowT")

MAX_LIMIT = 100
DEFAULT_LIMIT = 20

# What PostgreSQL and a conversion to any time zone can take, with years to spare.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2300, 1, 1, tzinfo=UTC)
MAX_TEXT_CHARACTERS = 200
LARGEST_INTEGER = 2**63 - 1


def _read_time(part: object) -> datetime:
    at = datetime.fromisoformat(_read_text(part))
    if at.tzinfo is None or at.utcoffset() is None:
        raise ValueError("without a time zone")
    # OverflowError at both ends of what a datetime can hold.
    at = at.astimezone(UTC)
    if not EARLIEST <= at <= LATEST:
        raise ValueError("out of range")
    return at


def _read_text(part: object) -> str:
    if not isinstance(part, str):
        raise TypeError
    if "\x00" in part:
        raise ValueError("NUL")
    # UnicodeEncodeError for half of a surrogate pair.
    check_text(part, MAX_TEXT_CHARACTERS).encode()
    return part


def _read_integer(part: object) -> int:
    # A bool is an int as well.
    if type(part) is not int or abs(part) > LARGEST_INTEGER:
        raise TypeError
    return part


def _read_number(part: object) -> float:
    # A bool is an int as well.
    if isinstance(part, bool) or not isinstance(part, (int, float)):
        raise TypeError
    number = float(part)
    if not math.isfinite(number):
        raise TypeError
    return number


_READERS: dict[type, Callable[[object], Any]] = {
    datetime: _read_time,
    UUID: lambda part: UUID(_read_text(part)),
    int: _read_integer,
    float: _read_number,
    str: _read_text,
}


class Page(BaseModel, Generic[ItemT]):
    items: list[ItemT]
    next_cursor: str | None


class Paging:
    """What a list was asked for: at most ``limit`` rows after ``cursor``."""

    def __init__(self, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> None:
        self.limit = limit
        self.cursor = cursor

    def after(self, *types: type) -> tuple[Any, ...] | None:
        """The sort key to go on after, or None at the start: a value of each of ``types``, which may
        be ``datetime`` (in UTC), ``UUID``, ``int``, ``float`` and ``str``. Raises InvalidRequest.
        """
        if self.cursor is None:
            return None
        try:
            padded = self.cursor + "=" * (-len(self.cursor) % 4)
            parts = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            if not isinstance(parts, list) or len(parts) != len(types):
                raise ValueError("wrong number of parts")
            return tuple(_READERS[kind](part) for kind, part in zip(types, parts, strict=True))
        except (ValueError, TypeError, OverflowError):
            raise InvalidRequest.field("cursor", "It is not a cursor of this list.") from None

    def page(
        self, rows: Sequence[RowT], key: Callable[[RowT], Sequence[Any]]
    ) -> tuple[list[RowT], str | None]:
        """Cuts ``limit + 1`` fetched rows to a page and says where the next one begins."""
        shown = list(rows[: self.limit])
        if len(rows) <= self.limit:
            return shown, None
        return shown, encode_cursor(key(shown[-1]))


async def get_paging(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Paging:
    # Not the class itself: FastAPI sends what is not ``async`` through a thread, for each request.
    return Paging(limit, cursor)


PagingDep = Annotated[Paging, Depends(get_paging)]


def encode_cursor(key: Sequence[Any]) -> str:
    # asyncpg's UUID is a subclass, which orjson leaves to ``default``.
    return base64.urlsafe_b64encode(orjson.dumps(list(key), default=str)).decode().rstrip("=")

"""Keyset pagination: a cursor is the sort key of the last row, opaque and signed by nobody.

It holds nothing secret and selects nothing that its bearer may not see; a forged one is refused
when its parts are not of the types that the list sorts by.
"""

import base64
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from fastapi import Depends, Query
from pydantic import BaseModel

from service_kit.problems import InvalidRequest

ItemT = TypeVar("ItemT")
RowT = TypeVar("RowT")

MAX_LIMIT = 100
DEFAULT_LIMIT = 20

_READERS: dict[type, Callable[[Any], Any]] = {
    datetime: datetime.fromisoformat,
    UUID: UUID,
    int: int,
    str: str,
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
        """The sort key to go on after, or None at the start. Raises InvalidRequest."""
        if self.cursor is None:
            return None
        try:
            padded = self.cursor + "=" * (-len(self.cursor) % 4)
            parts = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            if not isinstance(parts, list) or len(parts) != len(types):
                raise ValueError
            key = tuple(_READERS[kind](part) for kind, part in zip(types, parts, strict=True))
        except (ValueError, TypeError, AttributeError):
            raise InvalidRequest.field("cursor", "It is not a cursor of this list.") from None
        for part in key:
            if isinstance(part, datetime) and part.tzinfo is None:
                raise InvalidRequest.field("cursor", "It is not a cursor of this list.")
        return key

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

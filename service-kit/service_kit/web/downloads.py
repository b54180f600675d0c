"""A person's data as one JSON document that is written while it is read: nobody knows how much there is."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from service_kit.web.paging import MAX_LIMIT, Paging

# Items of a page, and the cursor of the next one.
PageOf = Callable[[Paging], Awaitable[tuple[Sequence[Any], str | None]]]


async def batches(page_of: PageOf) -> AsyncIterator[Sequence[Any]]:
    """All items of a list, a page at a time; each page is a transaction of its own."""
    cursor = None
    while True:
        items, cursor = await page_of(Paging(MAX_LIMIT, cursor))
        yield items
        if cursor is None:
            return


def json_download(
    file_name: str, values: Mapping[str, Any], lists: Mapping[str, AsyncIterator[Sequence[Any]]]
) -> StreamingResponse:
    """The document has ``values`` and then ``lists``; items are pydantic models or what orjson writes."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{file_name}"',
    }
    return StreamingResponse(
        _document(values, lists), media_type="application/json", headers=headers
    )


async def _document(
    values: Mapping[str, Any], lists: Mapping[str, AsyncIterator[Sequence[Any]]]
) -> AsyncIterator[bytes]:
    separator = b"{"
    for name, value in values.items():
        yield separator + _encode(name) + b":" + _encode(value)
        separator = b","
    for name, items in lists.items():
        yield separator + _encode(name) + b":["
        separator, comma = b",", b""
        async for batch in items:
            for item in batch:
                yield comma + _encode(item)
                comma = b","
        yield b"]"
    yield b"}" if separator == b"," else b"{}"


def _encode(value: Any) -> bytes:
    if isinstance(value, BaseModel):
        return value.model_dump_json().encode()
    # As in the answers of event-service's bookings, which may hold parts that PostgreSQL has written.
    return orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z)

"""Bodies of requests on their way: each has a time, and all together a number and a size.

Whoever sends the first half of a body and then waits costs a connection and the bytes that came, for
as long as the settings say. Where many do so at once, the one that is longest on its way ends first:
those who attack wait longest, and who has just come gets through.
"""

import asyncio
import re
from collections import OrderedDict
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from service_kit.problems import RequestTimeout, TooLarge


@dataclass(frozen=True, slots=True)
class LargeBody:
    """A route whose bodies may be larger than others: its method, its path, and so many bytes."""

    method: str
    path: re.Pattern[str]
    max_bytes: int


class _Arrival:
    """A body of which a part is there."""

    __slots__ = ("max_bytes", "received", "timeout")

    def __init__(self, timeout: asyncio.Timeout, max_bytes: int) -> None:
        self.timeout = timeout
        self.max_bytes = max_bytes
        self.received = 0


class Arrivals:
    """``receive_body`` returns when the whole body is there."""

    def __init__(
        self, *, seconds: float, max_body_bytes: int, max_requests: int, max_bytes: int
    ) -> None:
        self.seconds = seconds
        self.max_body_bytes = max_body_bytes
        self.max_requests = max_requests
        self.max_bytes = max_bytes
        self._under_way: OrderedDict[_Arrival, None] = OrderedDict()
        self._bytes = 0

    async def receive_body(
        self, receive: Receive, headers: Headers, *, max_bytes: int | None = None
    ) -> Receive:
        """A ``receive`` that gives the body in one piece, and then what comes after it. ``max_bytes`` takes
        the place of ``max_body_bytes``. Raises TooLarge, RequestTimeout, or ClientDisconnect."""
        max_bytes = max_bytes or self.max_body_bytes
        length = headers.get("content-length", "0")
        if not length.isdigit() or len(length) > 18 or int(length) > max_bytes:
            raise TooLarge
        try:
            async with asyncio.timeout(self.seconds) as timeout:
                arrival = _Arrival(timeout, max_bytes)
                self._under_way[arrival] = None
                if len(self._under_way) > self.max_requests:
                    self._end_the_longest()
                body = await self._collect(receive, arrival)
        except TimeoutError:
            raise RequestTimeout(headers={"Connection": "close"}) from None
        finally:
            self._forget(arrival)
        return _replay(body, receive)

    async def _collect(self, receive: Receive, arrival: _Arrival) -> bytes:
        message = await _next(receive)
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            # Nearly every body comes in one piece; only others are counted.
            collected = bytearray(body)
            self._count(arrival, len(body))
            while message.get("more_body"):
                message = await _next(receive)
                part = message.get("body", b"")
                collected += part
                self._count(arrival, len(part))
            body = bytes(collected)
        if len(body) > arrival.max_bytes:
            raise TooLarge
        return body

    def _count(self, arrival: _Arrival, received: int) -> None:
        arrival.received += received
        if arrival in self._under_way:
            # Otherwise it was ended for another's sake, and its time is just running out.
            self._bytes += received
        if arrival.received > arrival.max_bytes:
            raise TooLarge
        while self._bytes > self.max_bytes and self._under_way:
            self._end_the_longest()

    def _end_the_longest(self) -> None:
        longest = next(iter(self._under_way))
        self._forget(longest)
        longest.timeout.reschedule(asyncio.get_running_loop().time())

    def _forget(self, arrival: _Arrival) -> None:
        if arrival in self._under_way:
            del self._under_way[arrival]
            self._bytes -= arrival.received


async def _next(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message


def _replay(body: bytes, receive: Receive) -> Receive:
    is_given = False

    async def replayed() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed

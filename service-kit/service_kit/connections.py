"""uvicorn's HTTP protocol with an end for every wait: for a request's head, for who reads slowly, for
connections that do nothing.

uvicorn itself has one limit of this kind, the time that a connection may be idle between two requests.
"""

import asyncio
import resource
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 15.0
MAX_HEAD_BYTES = 65_536
# A reader that takes nothing for so long is gone, or holds us up on purpose.
UNREAD_SECONDS = 30.0
# Files that a process needs for other things than clients.
SPARE_FILES = 256
MAX_CONNECTIONS = 10_000


def connection_limit() -> int:
    """How many clients one process keeps connections to: fewer than files that it may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(1, min(MAX_CONNECTIONS, soft - SPARE_FILES))


class BoundedProtocol(HttpToolsProtocol):
    """One connection. ``idle`` holds those without a request, the one that is longest so first."""

    idle: ClassVar[dict["BoundedProtocol", None]] = {}
    limit: ClassVar[int] = connection_limit()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_head = False
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.idle[self] = None
        # Browsers open connections before they need them: as long as between two requests.
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )
        if len(self.connections) > self.limit and self.idle:
            next(iter(self.idle)).close_idle()

    def close_idle(self) -> None:
        self.idle.pop(self, None)
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # uvicorn keeps the timer, and by it all of this, where the connection was reset.
        self._unset_keepalive_if_required()
        self.idle.pop(self, None)
        self._end_head_timer()
        self._end_unread_timer()

    def data_received(self, data: bytes) -> None:
        self.idle.pop(self, None)
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse_head("The request's head is too large.")
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(
                    HEAD_SECONDS, self._refuse_head, "The request's head took too long."
                )

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._end_head_timer()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._in_head and not self.pipeline and not self.transport.is_closing():
            self.idle[self] = None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._unread_timer is None:
            self._unread_timer = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._end_unread_timer()
        super().resume_writing()

    def _refuse_head(self, message: str) -> None:
        self._end_head_timer()
        self._in_head = False
        if not self.transport.is_closing():
            self.send_400_response(message)

    def _end_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

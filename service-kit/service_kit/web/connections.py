"""uvicorn's HTTP protocol with an end for every wait: for a request's head, for who reads slowly, for
connections that do nothing.

uvicorn itself has one limit of this kind, the time that a connection may be idle between two requests;
it forgets that one when a byte comes that belongs to no request.
"""

import asyncio
import resource
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service_kit.ids import new_id
from service_kit.problems import MalformedRequest, render
from service_kit.settings import ServiceSettings
from service_kit.web.shutdown import LINGER_SECONDS, Shutdown

# A chunk of one byte takes six on its way; beyond that come trailers, which nobody reads.
WIRE_BYTES_PER_BODY_BYTE = 8
# A reader that takes less than so much in ``UNREAD_SECONDS`` is gone, or holds us up on purpose.
MIN_READ_BYTES = 32_768
# Files that a process needs for other things than clients.
SPARE_FILES = 256


def connection_limit(wanted: int) -> int:
    """How many clients one process keeps connections to: fewer than files that it may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft - SPARE_FILES))


def state_of(app: Any) -> Any:
    """Of what ``create_service`` made; uvicorn wraps it where it traces messages."""
    while not hasattr(app, "state"):
        app = app.app
    return app.state


class BoundedProtocol(HttpToolsProtocol):
    """One connection. ``waiting`` holds those from which the rest of a request is still to come, or a
    whole one, the one that has kept us waiting longest first."""

    waiting: ClassVar[dict["BoundedProtocol", None]] = {}

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        state = state_of(self.config.loaded_app)
        self.settings: ServiceSettings = state.settings
        self.ending: Shutdown = state.shutdown
        self.limit = connection_limit(self.settings.max_connections)
        self._in_head = False
        self._head_bytes = 0
        # What has come of the present request that is not its body: chunk sizes and trailers.
        self._wire_bytes = 0
        self._body_bytes = 0
        self._idle_until = 0.0
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        super().connection_made(transport)
        self._wait_for_client()
        # Browsers open connections before they need them: as long as between two requests.
        self._idle_until = self.loop.time() + self.timeout_keep_alive
        self._end_when_idle()
        if len(self.connections) > self.limit:
            next(iter(self.waiting)).give_up()

    def _wait_for_client(self) -> None:
        self.waiting.pop(self, None)
        self.waiting[self] = None

    def give_up(self) -> None:
        self.waiting.pop(self, None)
        self.transport.close()

    def _end_when_idle(self) -> None:
        """Closes the connection when the time between two requests is over, whatever came meanwhile
        that was no request."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_at(
            self._idle_until, self.timeout_keep_alive_handler
        )

    def shutdown(self) -> None:
        """Asked to end, when the door is shut. After a drain a connection without a request stays for a
        moment: one may be on its way, and if it is a POST, nobody would dare to send it again."""
        is_idle = self.cycle is None or self.cycle.response_complete
        if not (is_idle and self.ending.has_begun):
            super().shutdown()
            return
        self._idle_until = min(self._idle_until, self.loop.time() + LINGER_SECONDS)
        self._end_when_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # uvicorn keeps the timer, and by it all of this, where the connection was reset.
        self._unset_keepalive_if_required()
        self.waiting.pop(self, None)
        self._end_head_timer()
        self._end_unread_timer()

    def data_received(self, data: bytes) -> None:
        self._wire_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.settings.max_head_bytes:
                self._refuse_head("The request's head is too large.")
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(
                    self.settings.head_seconds,
                    self._refuse_head,
                    "The request's head took too long.",
                )
        elif self._wire_bytes > self._max_wire_bytes():
            self.give_up()
        elif self.cycle is None or self.cycle.response_complete:
            # Line ends before a request, or the rest of one that has its answer.
            self._end_when_idle()

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = self._wire_bytes = self._body_bytes = 0
        if self in self.waiting:
            self._wait_for_client()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        # After the head they are trailers (RFC 9112, 7.1.2), which may be dropped.
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._end_head_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self.waiting.pop(self, None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._idle_until = self.loop.time() + self.timeout_keep_alive
        if not self.pipeline and not self.transport.is_closing() and self not in self.waiting:
            self._wait_for_client()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._unread_timer is None:
            self._watch_reader()

    def _watch_reader(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._unread_timer = self.loop.call_later(
            self.settings.unread_seconds, self._look_at_reader, unread
        )

    def _look_at_reader(self, before: int) -> None:
        """A slow line is no fault of its owner's, as long as the answer goes on."""
        if before - self.transport.get_write_buffer_size() < MIN_READ_BYTES:
            self.transport.abort()
        else:
            self._watch_reader()

    def resume_writing(self) -> None:
        self._end_unread_timer()
        super().resume_writing()

    def _refuse_head(self, message: str) -> None:
        self._end_head_timer()
        self._in_head = False
        if not self.transport.is_closing():
            self.send_400_response(message)

    def send_400_response(self, msg: str) -> None:
        """A problem, as all other errors are, in place of uvicorn's text."""
        problem = MalformedRequest(msg, headers={"Connection": "close"})
        response = render(problem, str(new_id()))
        headers = [*self.server_state.default_headers, *response.raw_headers]
        lines = [STATUS_LINE[problem.status], *(b"%b: %b\r\n" % header for header in headers)]
        self.transport.write(b"".join([*lines, b"\r\n", response.body]))
        self.transport.close()

    def _max_wire_bytes(self) -> int:
        return self.settings.max_head_bytes + WIRE_BYTES_PER_BODY_BYTE * self._body_bytes

    def _end_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

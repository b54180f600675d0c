"""What every request passes before FastAPI sees it; plain ASGI, since it is on the hottest path."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit.ids import request_id_from
from service_kit.metrics import REQUESTS_SHED
from service_kit.problems import BadHost, InternalError, Problem, Unavailable, render
from service_kit.web.bodies import Arrivals, LargeBody
from service_kit.web.return_times import ReturnTimes
from service_kit.web.shutdown import Shutdown

log = structlog.get_logger()

OPEN_TO_ANY_HOST = ("/health/", "/metrics")
# What nginx writes for a client that left before it was answered; nobody receives it.
CLIENT_LEFT = 499
# A part of a path that may be logged: a word of a route, or an id. Ticket codes, tokens of links and
# whatever else somebody may type are secrets of theirs.
_LOGGED_PART = re.compile(
    # Four times four letters may be a ticket code.
    r"v\d+|(?!(?:[a-z]{4}-?){4}$)[a-z][a-z_-]{0,29}(\.[a-z]{1,4})?|\.well-known|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.[a-z]{3})?"
)
MAX_LOGGED_PARTS = 10
# The others are nobody's route, and a client may make up as many as it likes.
COUNTED_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ERROR_STATUSES = (500, 503)
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
}


class RequestMetrics:
    """How many requests, how they ended and how long they took, by route and not by path."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("method", "route", "status")
        self.requests = Counter("http_requests_total", "Requests.", labels, registry=registry)
        self.seconds = Histogram(
            "http_request_duration_seconds",
            "Time to the whole answer.",
            labels[:2],
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        # Looked up by its labels each time, a child costs more than to count in it.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def expect(self, routes: Iterable[tuple[str, str]]) -> None:
        """``routes``: method and path of each. Prometheus sees no increase in a series that begins at 1, so
        those of errors are there before the first one."""
        for method, route in routes:
            for status in ERROR_STATUSES:
                self.requests.labels(method, route, status)

    def record(self, method: str, route: str, status: int, seconds: float) -> None:
        children = self._children.get((method, route, status))
        if children is None:
            children = (
                self.requests.labels(method, route, status),
                self.seconds.labels(method, route),
            )
            self._children[method, route, status] = children
        children[0].inc()
        children[1].observe(seconds)


def loggable_path(path: str) -> str:
    """The path with a star for every part that might be somebody's secret."""
    parts = path.split("/", MAX_LOGGED_PARTS)
    return "/".join(
        part if not part or (len(part) < 50 and _LOGGED_PART.fullmatch(part)) else "*"
        for part in parts
    )


class RequestContext:
    """Gives a request its id, and writes the log line and the metrics."""

    def __init__(self, app: ASGIApp, *, metrics: RequestMetrics, shutdown: Shutdown) -> None:
        self.app = app
        self.metrics = metrics
        self.shutdown = shutdown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = request_id_from(Headers(scope=scope).get("x-request-id"))
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        extra_headers: dict[str, str] = {}
        state["response_headers"] = extra_headers
        state["status"] = 0
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                state["status"] = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in (*SECURITY_HEADERS.items(), *extra_headers.items()):
                    headers.setdefault(name, value)
                if self.shutdown.has_begun:
                    # The next request must not meet a connection that is being closed.
                    headers["Connection"] = "close"
            await send(message)
            if message.get("more_body") and (leave := state.pop("leave", None)):
                # Who reads a long answer slowly keeps no place from others.
                leave()

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            self._record(scope, state["status"] or CLIENT_LEFT, time.perf_counter() - started)
            structlog.contextvars.unbind_contextvars("request_id")

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "(none)"
        method = scope["method"] if scope["method"] in COUNTED_METHODS else "(other)"
        self.metrics.record(method, route, status, seconds)
        path = scope["path"]
        if not path.startswith(OPEN_TO_ANY_HOST):
            log.info(
                "request",
                method=scope["method"],
                # Without parameters a route's path is the same for everybody.
                path=path if path == route else loggable_path(path),
                status=status,
                milliseconds=round(seconds * 1000, 1),
            )


class LoadShedding:
    """Refuses a foreign Host, waits for the body, and refuses whoever comes while as many are inside
    as can be served in the time that anybody waits for a database connection: to be sent away at once
    is cheaper for everybody than to wait in vain. Answers what nobody caught.

    A place inside is taken when the body is there, so that who sends slowly keeps it from nobody.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: tuple[str, ...],
        arrivals: Arrivals,
        max_concurrent_requests: int,
        capture: Callable[[BaseException], Any],
        large_bodies: Sequence[LargeBody] = (),
    ) -> None:
        self.app = app
        self.large_bodies = large_bodies
        self.allowed_hosts = frozenset(host.lower() for host in allowed_hosts)
        self.arrivals = arrivals
        self.max_concurrent_requests = max_concurrent_requests
        self.capture = capture
        self._inside = 0
        # Those who come back at the same time find room, if the others are gone by then.
        self._return_times = ReturnTimes(max_concurrent_requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope["state"]
        try:
            headers = Headers(scope=scope)
            self._check(scope, headers)
            if "content-length" in headers or "transfer-encoding" in headers:
                receive = await self.arrivals.receive_body(
                    receive, headers, max_bytes=self._max_bytes(scope)
                )
                self._check_room(scope)
            await self._let_in(scope, receive, send)
        except Problem as problem:
            await render(problem, state["request_id"])(scope, receive, send)
        except ClientDisconnect:
            # Nobody is there to be told, and nothing of ours broke.
            log.info("request.abandoned")
        except Exception as error:
            log.error("request.crashed", exc_info=error)
            self.capture(error)
            if not state["status"]:
                await render(InternalError(), state["request_id"])(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._inside += 1
        scope["state"]["leave"] = self._leave
        try:
            await self.app(scope, receive, send)
        finally:
            if scope["state"].pop("leave", None):
                self._leave()

    def _max_bytes(self, scope: Scope) -> int | None:
        """What the body may have where its route takes more than others."""
        for large in self.large_bodies:
            if scope["method"] == large.method and large.path.fullmatch(scope["path"]):
                return large.max_bytes
        return None

    def _leave(self) -> None:
        self._inside -= 1

    def _check(self, scope: Scope, headers: Headers) -> None:
        self._check_room(scope)
        host = headers.get("host", "").lower()
        name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
        if "*" not in self.allowed_hosts and name not in self.allowed_hosts:
            # Probes come by address; they ask about the process and not for a page.
            if not scope["path"].startswith(OPEN_TO_ANY_HOST):
                raise BadHost

    def _check_room(self, scope: Scope) -> None:
        if self._inside >= self.max_concurrent_requests:
            # Whoever asks about the process must hear of it also in a crowd.
            if not scope["path"].startswith(OPEN_TO_ANY_HOST):
                REQUESTS_SHED.inc()
                raise Unavailable(
                    "Too many people are asking at this moment.",
                    retry_after_seconds=self._return_times.next_seconds(),
                )

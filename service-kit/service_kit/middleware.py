"""What every request passes before FastAPI sees it; plain ASGI, since it is on the hottest path."""

import random
import time
from collections.abc import Callable
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit.ids import request_id_from
from service_kit.leaving import Leaving
from service_kit.problems import BadHost, InternalError, Problem, TooLarge, Unavailable, render

log = structlog.get_logger()

OPEN_TO_ANY_HOST = ("/health/", "/metrics")
# Those who are sent away together should not come back together.
RETRY_AFTER_SECONDS = (1, 3)
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
            "http_request_duration_seconds", "Time to the whole answer.", labels[:2],
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )  # fmt: skip
        # Looked up by its labels each time, a child costs more than to count in it.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

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


class RequestContext:
    """Gives a request its id, answers what nobody caught, writes the log line and the metrics."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: RequestMetrics,
        capture: Callable[[BaseException], Any],
        leaving: Leaving,
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.capture = capture
        self.leaving = leaving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = request_id_from(Headers(scope=scope).get("x-request-id"))
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        extra_headers: dict[str, str] = {}
        state["response_headers"] = extra_headers
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in (*SECURITY_HEADERS.items(), *extra_headers.items()):
                    headers.setdefault(name, value)
                if self.leaving.has_begun:
                    # The next request must not meet a connection that is being closed.
                    headers["Connection"] = "close"
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:
            log.error("request.crashed", exc_info=error)
            self.capture(error)
            if not status:
                await render(InternalError(), request_id)(scope, receive, send_with_headers)
        finally:
            self._record(scope, status or 500, time.perf_counter() - started)
            structlog.contextvars.unbind_contextvars("request_id")

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "(none)"
        self.metrics.record(scope["method"], route, status, seconds)
        if not scope["path"].startswith(OPEN_TO_ANY_HOST):
            log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                milliseconds=round(seconds * 1000, 1),
            )


class Gatekeeper:
    """Refuses a foreign Host, a body that is larger than any request of ours, and whoever comes while
    as many are inside as can be served in the time that anybody waits for a database connection:
    to be sent away at once is cheaper for everybody than to wait in vain."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: tuple[str, ...],
        max_body_bytes: int,
        max_requests_inside: int,
    ) -> None:
        self.app = app
        self.allowed_hosts = frozenset(host.lower() for host in allowed_hosts)
        self.max_body_bytes = max_body_bytes
        self.max_requests_inside = max_requests_inside
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal:
            await render(refusal, scope["state"]["request_id"])(scope, receive, send)
            return
        self._inside += 1
        try:
            if "content-length" in headers or "transfer-encoding" in headers:
                receive = self._bounded(receive)
            await self.app(scope, receive, send)
        finally:
            self._inside -= 1

    def _bounded(self, receive: Receive) -> Receive:
        left = self.max_body_bytes

        async def receive_at_most() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise TooLarge
            return message

        return receive_at_most

    def _refusal(self, scope: Scope, headers: Headers) -> Problem | None:
        if self._inside >= self.max_requests_inside:
            # Whoever asks about the process must hear of it also in a crowd.
            if not scope["path"].startswith(OPEN_TO_ANY_HOST):
                return Unavailable(
                    "Too many people are asking at this moment.",
                    retry_after_seconds=random.randint(*RETRY_AFTER_SECONDS),
                )
        host = headers.get("host", "").lower()
        name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
        if "*" not in self.allowed_hosts and name not in self.allowed_hosts:
            # Probes come by address; they ask about the process and not for a page.
            if not scope["path"].startswith(OPEN_TO_ANY_HOST):
                return BadHost()
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.max_body_bytes:
            return TooLarge()
        return None

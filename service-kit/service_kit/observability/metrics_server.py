"""The metrics of a process that has no HTTP of its own, at a port that only Prometheus asks."""

import contextlib
import socket
import threading
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from service_kit.metrics import register, shared_registry
from service_kit.settings import ServiceSettings

log = structlog.get_logger()


class MetricsServer:
    """Answers ``GET /metrics`` in a thread. Does nothing where ``METRICS_PORT`` is 0. Raises OSError for a
    port that is taken."""

    def __init__(self, settings: ServiceSettings, metrics: Iterable[MetricWrapperBase]) -> None:
        self._server: _Server | None = None
        if settings.metrics_port:
            registry = CollectorRegistry()
            register(registry, metrics)
            self._server = _Server(settings.host, settings.metrics_port, shared_registry(registry))
            threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close_in_child(self) -> None:
        """After a fork: the child has no thread that answers, and must not keep the port from the parent's
        successor."""
        if self._server is not None:
            with contextlib.suppress(OSError):
                self._server.socket.close()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    # prometheus_client's own waits for ever, with a thread for each who says nothing.
    timeout = 5
    server: "_Server"

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        content = generate_latest(self.server.registry)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE_LATEST)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing: Prometheus asks every few seconds."""


class _Server(ThreadingHTTPServer):
    def __init__(self, host: str, port: int, registry: CollectorRegistry) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.registry = registry
        super().__init__((host, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.warning("metrics.not_shown", exc_info=True)

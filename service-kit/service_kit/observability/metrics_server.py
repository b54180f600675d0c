"""The metrics of a process that has no HTTP of its own, at a port that only Prometheus asks."""

import contextlib
from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics import MetricWrapperBase

from service_kit.metrics import register, shared_registry
from service_kit.settings import ServiceSettings


class MetricsServer:
    """Answers ``GET /metrics`` in a thread. Does nothing where ``METRICS_PORT`` is 0. Raises OSError for a
    port that is taken."""

    def __init__(self, settings: ServiceSettings, metrics: Iterable[MetricWrapperBase]) -> None:
        self._server: Any = None
        if settings.metrics_port:
            registry = CollectorRegistry()
            register(registry, metrics)
            self._server, _ = start_http_server(
                settings.metrics_port, settings.host, shared_registry(registry)
            )

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

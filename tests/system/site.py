"""Stands where the gateway is, for who asks whether the site answers and when its certificate ends."""

import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from stack.ports import free_port

HOST = "tickets.example"
LONG_DAYS = 90


class _Redirects(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_asked_by_name = self.headers["Host"] == HOST
        self.send_response(308 if is_asked_by_name else 421)
        self.send_header("Location", f"https://{HOST}/")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class _TlsServer(socketserver.ThreadingTCPServer):
    """Shakes hands, and nothing more."""

    allow_reuse_address = True
    daemon_threads = True
    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        with self.context.wrap_socket(request, server_side=True):
            pass

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asks may leave before it is done."""


class Site:
    """HTTP that leads to HTTPS, and TLS with a certificate of its own. ``targets``: by the jobs of
    deploy/monitoring/prometheus.yml."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ports = {"gateway": free_port(), "certificate": free_port()}
        self.targets = {
            "gateway": f"http://127.0.0.1:{self._ports['gateway']}/",
            "certificate": f"127.0.0.1:{self._ports['certificate']}",
        }
        self._servers: dict[str, socketserver.BaseServer] = {}
        self.use_certificate(LONG_DAYS)
        self._start()

    def use_certificate(self, days: int) -> None:
        """From the next connection on."""
        files = [str(self._folder / name) for name in ("certificate.pem", "key.pem")]
        command = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", str(days), "-subj", f"/CN={HOST}", "-out", files[0], "-keyout", files[1],
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
        self._context.load_cert_chain(*files)

    @contextmanager
    def away(self, job: str) -> Iterator[None]:
        """Without the listener that ``job`` asks."""
        self._stop(job)
        try:
            yield
        finally:
            self._start()

    def close(self) -> None:
        for job in list(self._servers):
            self._stop(job)

    def _start(self) -> None:
        for job, port in self._ports.items():
            if job not in self._servers:
                self._servers[job] = server = self._make(job, ("127.0.0.1", port))
                threading.Thread(target=server.serve_forever, daemon=True).start()

    def _make(self, job: str, address: tuple[str, int]) -> socketserver.BaseServer:
        if job == "gateway":
            return ThreadingHTTPServer(address, _Redirects)
        server = _TlsServer(address, socketserver.BaseRequestHandler)
        server.context = self._context
        return server

    def _stop(self, job: str) -> None:
        server = self._servers.pop(job)
        server.shutdown()
        server.server_close()

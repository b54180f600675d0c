"""A server that stands for all services behind the gateway, in a container of its own: it answers with what
it was asked. Standard library only."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

SECURITY = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN"}


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        received = len(self.rfile.read(length))
        asked = {
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "body": received,
            # So that it is worth compressing.
            "filling": "seat " * 200,
        }
        content = json.dumps(asked).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"7-abc"')
        for name, value in SECURITY.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    for port in map(int, sys.argv[1:]):
        Thread(target=ThreadingHTTPServer(("", port), Echo).serve_forever).start()

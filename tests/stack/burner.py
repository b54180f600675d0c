"""A server whose requests use a known processor time: ``python -m tests.stack.burner PORT``.

``/own`` uses it in the process, ``/thread`` in one of its threads, ``/child`` in a child that ends and
``/none`` nowhere.
"""

import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECONDS = 0.04
_BURN = f"import time\nwhile time.process_time() < {SECONDS}: pass"


def burn() -> None:
    until = time.thread_time() + SECONDS
    while time.thread_time() < until:
        pass


class Burner(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/own":
            burn()
        elif self.path == "/thread":
            thread = threading.Thread(target=burn)
            thread.start()
            thread.join()
        elif self.path == "/child":
            # Without what an interpreter does by itself: it begins at some hundredths of a second.
            subprocess.run([sys.executable, "-I", "-S", "-c", _BURN], check=True)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Burner).serve_forever()

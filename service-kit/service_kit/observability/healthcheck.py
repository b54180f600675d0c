"""``python -m service_kit.observability.healthcheck`` for containers, which have no curl.

Exit code 0 if the API lives; with ``--url URL`` if that answers 200; with ``--heartbeat SECONDS`` if the
process has shown within so many seconds that its loop comes round (``heartbeat.py``).
"""

import http.client
import os
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from service_kit.observability.heartbeat import age_seconds

TIMEOUT_SECONDS = 2


def answers(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "127.0.0.1", parts.port or 80, timeout=TIMEOUT_SECONDS
    )
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["--heartbeat", seconds]:
            age = age_seconds()
            print(f"heartbeat: {age:.0f} s ago")
            return 0 if age <= float(seconds) else 1
        case ["--url", url]:
            return 0 if answers(url) else 1
        case []:
            port = os.environ.get("PORT", "8000")
            return 0 if answers(f"http://127.0.0.1:{port}/health/live") else 1
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

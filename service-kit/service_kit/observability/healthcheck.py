"""``python -m service_kit.observability.healthcheck`` for containers, which have no curl.

Exit code 0 if the API lives.
"""

import http.client
import os
import sys

TIMEOUT_SECONDS = 2


def main() -> int:
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=TIMEOUT_SECONDS
    )
    try:
        connection.request("GET", "/health/live")
        return 0 if connection.getresponse().status == http.client.OK else 1
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main())

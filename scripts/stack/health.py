"""Whether something answers."""

import socket
from urllib.parse import urlsplit

import httpx

# No proxy of the environment stands between processes of one machine.
_http = httpx.Client(timeout=3, trust_env=False, headers={"Connection": "close"})


def answers(url: str) -> bool:
    """Whether ``http://HOST:PORT/PATH`` answers 200, or ``tcp://HOST:PORT`` takes connections."""
    try:
        if url.startswith("http:"):
            return _http.get(url).status_code == 200
        address = urlsplit(url)
        socket.create_connection((address.hostname or "", address.port or 0), timeout=1).close()
    except (OSError, httpx.HTTPError):
        return False
    return True

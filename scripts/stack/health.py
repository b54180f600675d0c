"""Whether something answers, at ``http://HOST:PORT/PATH`` or at ``tcp://HOST:PORT``."""

import http.client
import socket
from urllib.parse import urlsplit


def answers(url: str) -> bool:
    parts = urlsplit(url)
    assert parts.hostname and parts.port
    if parts.scheme == "http":
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return _answers_http(parts.hostname, parts.port, path)
    return _listens(parts.hostname, parts.port)


def _answers_http(host: str, port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=3)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False

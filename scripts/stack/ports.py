"""Ports: which are free, who has one that is not, which were used before."""

import json
import socket
from pathlib import Path

import psutil

from stack.errors import StackError

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do, so that connections in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def require_free(port: int, *, what: str, variable: str) -> None:
    """Raises StackError that names who has the port and which variable chooses another."""
    if is_free(port):
        return
    raise StackError(
        f"Port {port} for {what} is taken{_holder(port)}; "
        f"stop that, or choose another: {variable}={port + 10000} ./scripts/up"
    )


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            if listens and connection.laddr.port == port and connection.pid:
                process = psutil.Process(connection.pid)
                return f" by {process.name()} (process {process.pid})"
    except (psutil.Error, OSError):
        # Other people's processes cannot be looked at everywhere.
        pass
    return ""


class RememberedPorts:
    """Ports that nobody chose: the same as last time while they are free."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def take(self, names: list[str]) -> dict[str, int]:
        known: dict[str, int] = json.loads(self._file.read_text()) if self._file.exists() else {}
        chosen = {}
        for name in names:
            port = known.get(name)
            chosen[name] = port if port and is_free(port) else free_port()
        self._file.write_text(json.dumps(chosen))
        return chosen

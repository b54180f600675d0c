"""Ports: which are free, who has one that is not, which were used before."""

import json
import random
import socket
from collections.abc import Collection
from pathlib import Path

import psutil

from stack.errors import StackError
from stack.records import write_atomically

LOOPBACK = "127.0.0.1"
UNCLAIMED = range(20_000, 32_000)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do, so that connections in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(besides: Collection[int] = ()) -> int:
    """Below the range from which systems give ports to outgoing connections: one from there could
    be some connection's by the time that a server wants it."""
    for port in random.sample(UNCLAIMED, len(UNCLAIMED)):
        if port not in besides and is_free(port):
            return port
    raise StackError(f"No port from {UNCLAIMED[0]} to {UNCLAIMED[-1]} is free.")


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
        known = self._read()
        chosen: dict[str, int] = {}
        for name in names:
            port = known.get(name)
            if not isinstance(port, int) or port in chosen.values() or not is_free(port):
                port = free_port(besides=chosen.values())
            chosen[name] = port
        write_atomically(self._file, json.dumps(chosen))
        return chosen

    def _read(self) -> dict[str, object]:
        try:
            return dict(json.loads(self._file.read_text()))
        except (OSError, ValueError, TypeError):
            return {}

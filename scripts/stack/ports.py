"""Ports: which are free, who has one that is taken, which were used before."""

import contextlib
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
    """One below the range from which systems give ports to outgoing connections: such a connection
    could take a port of that range before the server does."""
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
    # Not every system shows the processes of others.
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            if listens and connection.laddr.port == port and connection.pid:
                process = psutil.Process(connection.pid)
                return f" by {process.name()} (process {process.pid})"
    return ""


def remembered_ports(file: Path, names: list[str]) -> dict[str, int]:
    """Ports that nobody chose: the same as last time while they are free."""
    try:
        previous = dict(json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        previous = {}
    ports: dict[str, int] = {}
    for name in names:
        port = previous.get(name)
        if not isinstance(port, int) or port in ports.values() or not is_free(port):
            port = free_port(besides=ports.values())
        ports[name] = port
    write_atomically(file, json.dumps(ports))
    return ports

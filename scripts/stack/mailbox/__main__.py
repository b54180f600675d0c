"""``python -m stack.mailbox``: set by MailHog's variables MH_SMTP_BIND_ADDR, MH_API_BIND_ADDR and
MH_HOSTNAME; SMTP on 1025 and HTTP on 8025 of this machine by default."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from stack.mailbox.smtp import make_server
from stack.mailbox.store import Store
from stack.mailbox.web import make_app

SMTP, API = "MH_SMTP_BIND_ADDR", "MH_API_BIND_ADDR"


def address(variable: str, port: int) -> tuple[str, int]:
    value = os.environ.get(variable) or f"127.0.0.1:{port}"
    host, _, number = value.rpartition(":")
    if not number.isdecimal() or not 0 < int(number) < 65536:
        sys.exit(f"mailbox: {variable}={value} is no address; give one such as 127.0.0.1:{port}.")
    return host or "0.0.0.0", int(number)


@contextmanager
def binding(variable: str, host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # asyncio puts an address and a list of numbers into its words.
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        sys.exit(f"mailbox: {host}:{port} is not to be had: {why}; choose another in {variable}.")


async def serve() -> None:
    store = Store(os.environ.get("MH_HOSTNAME") or "mailhog.example")
    smtp_address, api_address = address(SMTP, 1025), address(API, 8025)
    with binding(API, *api_address):
        listener = socket.create_server(api_address, backlog=128)
    loop = asyncio.get_running_loop()
    with binding(SMTP, *smtp_address):
        await loop.create_server(lambda: make_server(store), *smtp_address, backlog=512)
    config = uvicorn.Config(
        make_app(store),
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        # A client that polls now and then finds its connection open.
        timeout_keep_alive=60,
        timeout_graceful_shutdown=1,
    )
    await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    for signum in (signal.SIGTERM, signal.SIGINT):
        # Also when uvicorn has shut down: it then raises the signal that it had caught.
        signal.signal(signum, lambda *_: sys.exit())
    asyncio.run(serve())

"""``python -m stack.mailbox``: set by MailHog's variables MH_SMTP_BIND_ADDR, MH_API_BIND_ADDR and
MH_HOSTNAME; SMTP on 1025 and HTTP on 8025 of this machine by default."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from stack.mailbox.smtp import make_server
from stack.mailbox.store import Store
from stack.mailbox.web import make_http

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
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    store = Store(os.environ.get("MH_HOSTNAME") or "mailhog.example")
    smtp_address, api_address = address(SMTP, 1025), address(API, 8025)
    with binding(API, *api_address):
        http = make_http(store, *api_address)
    with binding(SMTP, *smtp_address):
        smtp = await loop.create_server(lambda: make_server(store), *smtp_address, backlog=512)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    await stop.wait()
    smtp.close()


if __name__ == "__main__":
    asyncio.run(serve())

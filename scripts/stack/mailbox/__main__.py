"""``python -m stack.mailbox``: set by MailHog's variables MH_SMTP_BIND_ADDR, MH_API_BIND_ADDR and
MH_HOSTNAME; SMTP on 1025 and HTTP on 8025 of this machine by default."""

import asyncio
import os
import signal
import sys
import threading

from stack.mailbox.smtp import make_server
from stack.mailbox.store import Store
from stack.mailbox.web import make_http


def address(variable: str, port: int) -> tuple[str, int]:
    host, _, number = os.environ.get(variable, f"127.0.0.1:{port}").rpartition(":")
    return host or "0.0.0.0", int(number)


async def serve() -> None:
    store = Store(os.environ.get("MH_HOSTNAME", "mailhog.example"))
    http = make_http(store, *address("MH_API_BIND_ADDR", 8025))
    threading.Thread(target=http.serve_forever, daemon=True).start()
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(lambda: make_server(store), *address("MH_SMTP_BIND_ADDR", 1025))
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    await stop.wait()
    smtp.close()


def main() -> None:
    try:
        asyncio.run(serve())
    except OSError as error:
        sys.exit(f"mailbox: {error.strerror}; choose other ports with SMTP_PORT and MAILBOX_PORT")


if __name__ == "__main__":
    main()

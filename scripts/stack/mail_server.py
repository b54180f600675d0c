"""The mail server that somebody gives in SMTP_URL, as far as ``./scripts/up`` looks at it."""

import socket
from urllib.parse import urlsplit

STANDARD_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
ANSWER_SECONDS = 3.0


def where(url: str) -> tuple[str, int] | None:
    """Host and port, without the password that may stand before them; None for no such address."""
    try:
        parts = urlsplit(url)
        port = parts.port or STANDARD_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.hostname, port) if parts.hostname else None


def remark(url: str) -> str:
    """One line if nothing answers there. Mails wait, so that this stops nothing."""
    address = where(url)
    if address is None:
        return ""
    try:
        socket.create_connection(address, timeout=ANSWER_SECONDS).close()
    except OSError as error:
        server, why = ":".join(map(str, address)), error.strerror or str(error)
        return f"No mail server answers at {server} ({why}): mails wait until one does."
    return ""

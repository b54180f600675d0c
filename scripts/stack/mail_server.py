"""The mail server that somebody gives in SMTP_URL or SMTP_HOST, as far as ``./scripts/up`` looks at it."""

import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

STANDARD_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
SCHEMES = {"none": "smtp", "tls": "smtps", "starttls": "smtp+starttls", "": "smtp+starttls"}
ANSWER_SECONDS = 3.0


def chosen_url(caller: Mapping[str, str]) -> str:
    """Where mails go, as a URL; empty if the caller has chosen no server."""
    if url := caller.get("SMTP_URL"):
        return url
    host, port = caller.get("SMTP_HOST", ""), caller.get("SMTP_PORT", "")
    scheme = SCHEMES.get(caller.get("SMTP_SECURITY", ""), "smtp")
    return f"{scheme}://{host}{port and ':' + port}" if host else ""


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

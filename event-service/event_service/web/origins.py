"""The origins at which the page calls the other services."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from event_service.settings import Settings

LOOPBACK = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Origins:
    """Empty strings mean the page's own origin, as behind a gateway."""

    auth: str
    notification: str

    @property
    def foreign(self) -> list[str]:
        return sorted({origin for origin in (self.auth, self.notification) if origin})


def origins_for(settings: Settings, host: str) -> Origins:
    """The origins for a page that was opened at ``host``."""
    return Origins(
        auth=_seen_from(host, settings.auth_public_url),
        notification=_seen_from(host, settings.notification_public_url),
    )


def _seen_from(host: str, url: str) -> str:
    """Browsers keep cookies of localhost and 127.0.0.1 apart: a page that was opened under one name must
    call the services under the same."""
    if not url:
        return ""
    parts = urlsplit(url)
    name = host if host in LOOPBACK and parts.hostname in LOOPBACK else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{name}{port}"

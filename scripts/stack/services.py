"""The three services, as everything that starts them needs to know them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    name: str
    package: str
    database: str
    port: int
    port_variable: str


AUTH = Service("auth", "auth_service", "auth", 8001, "AUTH_PORT")
EVENT = Service("event", "event_service", "events", 8002, "EVENT_PORT")
NOTIFICATION = Service(
    "notification", "notification_service", "notifications", 8003, "NOTIFICATION_PORT"
)
SERVICES = (AUTH, EVENT, NOTIFICATION)

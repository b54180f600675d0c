"""A worker with every guard, that sooner takes a silent line for a dead one."""

from notification_service.tasks import app

__all__ = ["app"]

app.conf.broker_transport_options |= {
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
    "health_check_interval": 1,
}

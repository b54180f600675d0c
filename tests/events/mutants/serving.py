"""Serves what is left."""

from event_service.settings import Settings
from service_kit.web.server import serve


def serve_mutant() -> None:
    serve("event_service", Settings)

"""Serves what is left."""

from event_service.settings import Settings
from service_kit.server import serve
from service_kit.settings import load_settings


def serve_unguarded() -> None:
    serve("event_service.main:app", load_settings(Settings))
